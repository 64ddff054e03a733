"""Large packages are imported as others are, with the collector and the main thread left alone."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from napari_samara.ui.quiet_imports import import_quietly, load_library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANY = 200_000


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that makes many objects."""
    (tmp_path / "large_one.py").write_text(f"made = [[n] for n in range({MANY})]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "large_one"
    sys.modules.pop("large_one", None)


@pytest.fixture
def collected() -> Iterator[list[int]]:
    """Generations that were collected."""
    found: list[int] = []

    def note(phase: str, info: dict[str, Any]) -> None:
        if phase == "stop":
            found.append(info["generation"])

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


def test_nothing_is_collected_meanwhile_nor_because_of_it(
    package: str, collected: list[int]
) -> None:
    assert gc.isenabled()
    import_quietly(package, "no_such_package")
    assert collected == []
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    made = sys.modules[package].made
    assert gc.get_count()[0] < 1000  # not young
    assert any(one is made for one in gc.get_objects(generation=2))


def test_a_collector_that_is_off_stays_off(package: str) -> None:
    gc.disable()
    try:
        import_quietly(package)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_is_there_is_not_imported_again(package: str) -> None:
    import_quietly(package)
    first = sys.modules[package]
    import_quietly(package)
    assert sys.modules[package] is first


def test_no_such_library(tmp_path: Path) -> None:
    assert not load_library(tmp_path / "none.so")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_the_libraries_of_torch_are_loaded_before_it_is_imported() -> None:
    code = """
import importlib, sys
from pathlib import Path
from napari_samara.ui.quiet_imports import import_quietly
inner, loaded = importlib.import_module, []
def watched(name):
    loaded.append((name in sys.modules, "libtorch_cpu" in Path("/proc/self/maps").read_text()))
    return inner(name)
importlib.import_module = watched
import_quietly("torch")
import torch
print(loaded, float(torch.ones(2).sum()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[(False, True)] 2.0"
