"""Imports point one way, and light modules stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import napari_samara

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "napari_samara"
SOURCE = Path(__file__).resolve().parent.parent / "src" / PACKAGE

# Low to high: a module imports its own layer and the layers before it.
LAYERS = (
    (
        "planes",
        "formats",
        "volume_labels",
        "plane_pixels",
        "contrast",
        "geometry",
        "intensity",
        "images",
        "volumes",
        "volume_contrast",
        "labels",
        "output",
        "file_lock",
        "settings",
        "cleanup_settings",
        "cleanup",
        "measures",
        "errors",
    ),
    ("prompts", "embedding", "masks"),
    ("model",),
    ("engine", "store", "checkpoints"),
    ("session", "training"),
    ("api", "automatic_api", "session_api", "similar_api", "volume_api"),
    ("ui", "cli"),
)
RANK = {noun: rank for rank, layer in enumerate(LAYERS) for noun in layer}
# Neighbours in one layer that must not know each other.
STRANGERS = {
    ("engine", "store"),
    ("store", "engine"),
    ("store", "checkpoints"),
    ("checkpoints", "store"),
    ("checkpoints", "engine"),
    ("session", "training"),
    ("training", "session"),
    ("cli", "ui"),
    ("ui", "cli"),
}

# Files that call upwards, inside a function only. `SamModel.from_pretrained` and that of the
# processor are public names that load a checkpoint.
UPWARD_ON_USE = {("model/sam.py", "checkpoints"), ("model/image_processor.py", "checkpoints")}

VIEWER = frozenset({"magicgui", "napari", "qtpy", "superqt", "vispy", "PySide6", "PyQt5", "PyQt6"})
TORCH = frozenset({"torch"})
TORCH_AT_HOME = frozenset({"checkpoints", "engine", "model", "training"})


def _noun(path: Path) -> str:
    """Top-level module or package of a source file: `prompts` for `prompts/files.py`."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _imported(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Dotted names imported anywhere in a file, inside functions too, and the statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def _on_use(path: Path, name: str, node: ast.stmt) -> bool:
    """Whether this is one of the listed upward imports, and indented as one must be."""
    imported = name.removeprefix(f"{PACKAGE}.").partition(".")[0]
    listed = (path.relative_to(SOURCE).as_posix(), imported) in UPWARD_ON_USE
    return listed and node.col_offset > 0


def _complaint(importer: str, name: str) -> str | None:
    """What is wrong with `importer` importing the dotted `name`; None for nothing."""
    root, _, rest = name.partition(".")
    if root in VIEWER and importer != "ui":
        return f"imports {root}: only ui/ does"
    if root in TORCH and importer not in TORCH_AT_HOME:
        return f"imports {root}: only {', '.join(sorted(TORCH_AT_HOME))} do"
    imported = rest.partition(".")[0]
    if root != PACKAGE or imported in ("__version__", importer):
        return None
    if imported not in RANK:
        return f"imports {name}, which is in no layer: name the module, or extend LAYERS"
    if RANK[imported] > RANK[importer]:
        return f"imports {imported}, a layer above it"
    if (importer, imported) in STRANGERS:
        return f"imports {imported}, which it must not know"
    return None


SOURCES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    importer = _noun(path)
    assert importer in RANK, f"{importer} is in no layer: add it to LAYERS"
    found = [
        f"{path.name}:{node.lineno} {complaint}"
        for name, node in _imported(ast.parse(path.read_text(encoding="utf-8")))
        if (complaint := _complaint(importer, name)) and not _on_use(path, name, node)
    ]
    assert not found


@pytest.mark.parametrize(
    ("importer", "name", "allowed"),
    [
        ("prompts", "napari_samara.errors.PromptError", True),
        ("prompts", "napari_samara.prompts.base", True),
        ("errors", "napari_samara.prompts", False),
        ("engine", "napari_samara.model.sam", True),
        ("engine", "napari_samara.store.base", False),
        ("session", "napari_samara.__version__", True),
        ("api", "napari_samara.load", False),
        ("cli", "torch.nn", False),
        ("session", "qtpy.QtCore", False),
        ("ui", "napari.layers", True),
        ("ui", "torch", False),
    ],
)
def test_rule(importer: str, name: str, allowed: bool) -> None:
    assert (_complaint(importer, name) is None) is allowed


READERS = frozenset({"SimpleITK", "nibabel", "scipy", "skimage", "tifffile", "zarr"})

# What importing a whole package (every module in it) must not bring along. The viewer
# never comes along below ui/, torch not below model/.
ABSENT = {
    "": VIEWER | TORCH | {"numpy", "scipy", "skimage"},
    "errors": VIEWER | TORCH | {"scipy", "skimage"},
    "settings": VIEWER | TORCH | {"scipy", "skimage"},
    "cleanup_settings": VIEWER | TORCH | {"scipy", "skimage"},
    "cleanup": VIEWER | TORCH | {"skimage"},
    "measures": VIEWER | TORCH | {"skimage"},
    "planes": VIEWER | TORCH,
    "plane_pixels": VIEWER | TORCH,
    "geometry": VIEWER | TORCH,
    "contrast": VIEWER | TORCH,
    "intensity": VIEWER | TORCH,
    "formats": VIEWER | TORCH | READERS,
    "images": VIEWER | TORCH | READERS,
    "volumes": VIEWER | TORCH | READERS,
    "volume_labels": VIEWER | TORCH | READERS,
    "volume_contrast": VIEWER | TORCH | {"scipy", "skimage", "tifffile", "zarr"},
    "labels": VIEWER | TORCH | {"scipy", "skimage", "tifffile", "zarr"},
    "file_lock": VIEWER | TORCH | {"numpy", "scipy", "skimage"},
    "output": VIEWER | TORCH | {"numpy", "scipy", "skimage"},
    "prompts": VIEWER | TORCH,
    "embedding": VIEWER | TORCH,
    "masks": VIEWER | TORCH,
    "model": VIEWER,
    "engine": VIEWER | {"zarr"},
    "store": VIEWER | TORCH,
    "checkpoints": VIEWER,
    "session": VIEWER | TORCH,
    "training": VIEWER,
    "api": VIEWER,
    "session_api": VIEWER,
    "volume_api": VIEWER,
    "automatic_api": VIEWER,
    "similar_api": VIEWER,
    "cli": VIEWER,
}
EXISTING = [
    noun
    for noun in ABSENT
    if noun == "" or (SOURCE / noun).is_dir() or (SOURCE / f"{noun}.py").is_file()
]

IMPORT_ALL = """
import importlib, pkgutil, sys
module = importlib.import_module(sys.argv[1])
if sys.argv[1] != "napari_samara":
    for found in pkgutil.walk_packages(getattr(module, "__path__", ()), sys.argv[1] + "."):
        importlib.import_module(found.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize("noun", EXISTING, ids=lambda noun: noun or PACKAGE)
def test_import_stays_light(noun: str) -> None:
    name = f"{PACKAGE}.{noun}".rstrip(".")
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, name], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert ABSENT[noun].isdisjoint(run.stdout.split())


def test_every_layer_has_a_row() -> None:
    assert set(ABSENT) == {"", *RANK} - {"ui"}


@pytest.mark.parametrize("name", napari_samara.__all__)
def test_public_name_resolves(name: str) -> None:
    assert getattr(napari_samara, name) is getattr(napari_samara, name)
    assert name in dir(napari_samara)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'segmnt'"):
        _ = napari_samara.segmnt
