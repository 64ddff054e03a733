"""npe2 finds the one manifest, in an editable install and in a built wheel."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

npe2 = pytest.importorskip("npe2", reason="needs napari-samara[napari]")

from npe2.manifest import utils  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
LINK = ROOT / "src" / "napari_samara" / "napari.yaml"


@pytest.fixture(scope="module")
def manifest() -> npe2.PluginManifest:
    """The manifest as napari finds it: through the installed distribution."""
    return npe2.PluginManifest.from_distribution("napari-samara")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    run = subprocess.run([*build, str(ROOT)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (path,) = out.glob("*.whl")
    return path


def test_link_is_a_link_to_the_root_manifest() -> None:
    text = LINK.read_text(encoding="utf-8")
    assert text == (ROOT / "napari.yaml").read_text(encoding="utf-8"), (
        f"{LINK} is not the manifest but {text!r}: git wrote the symbolic link as text. "
        "Set core.symlinks=true and check the file out again"
    )


def test_editable_install_finds_it(manifest: npe2.PluginManifest) -> None:
    assert manifest.name == "napari-samara"
    assert manifest.package_version
    assert manifest == npe2.PluginManifest.from_file(ROOT / "napari.yaml")


def test_every_python_name_resolves(manifest: npe2.PluginManifest) -> None:
    names = [command.python_name for command in manifest.contributions.commands or ()]
    names += [name for name in (manifest.on_activate, manifest.on_deactivate) if name]
    for name in names:
        assert callable(utils.import_python_name(name)), name


def test_wheel_carries_manifest_licence_and_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.getinfo(name).file_size for name in archive.namelist()}
        text = archive.read("napari_samara/napari.yaml").decode("utf-8")
        (points,) = (n for n in packed if n.endswith(".dist-info/entry_points.txt"))
        entry_points = archive.read(points).decode("utf-8")
    assert text == (ROOT / "napari.yaml").read_text(encoding="utf-8")
    assert "napari-samara = napari_samara:napari.yaml" in entry_points
    assert "napari-samara = napari_samara.cli:main" in entry_points
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in packed)
    assert not [name for name in packed if name.startswith(("tests", "docs", "benchmarks"))]
    package = ROOT / "src" / "napari_samara"
    files = [p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    missing = [
        p for p in files if packed.get(p.relative_to(ROOT / "src").as_posix()) != p.stat().st_size
    ]
    assert not missing


def test_npe2_finds_it_in_an_unpacked_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    # -S leaves out the .pth file of this environment's editable install.
    script = (
        "import sys, json; sys.path[:0] = json.loads(sys.argv[1]);"
        "import npe2, napari_samara;"
        "print(napari_samara.__file__);"
        "print(npe2.PluginManifest.from_distribution('napari-samara').display_name)"
    )
    path = json.dumps([str(tmp_path), *(p for p in sys.path if p.endswith("-packages"))])
    run = subprocess.run(
        [sys.executable, "-S", "-c", script, path],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    where, display_name = run.stdout.splitlines()
    assert Path(where).is_relative_to(tmp_path)
    assert display_name == "Samara"
