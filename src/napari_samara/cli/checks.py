"""The checks of `napari-samara doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
from packaging.requirements import Requirement

from napari_samara import __version__, api
from napari_samara.checkpoints import find_checkpoint, verify_checkpoint
from napari_samara.checkpoints.cache import CACHE_VARIABLE, models_dir, offline
from napari_samara.cli.installed import changed_files
from napari_samara.errors import SamaraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_samara.engine.device import DeviceReport

SHIPPED = "samara-tiny"
"""The checkpoint that is part of the package."""

# Any one of these draws napari's windows; two beside each other disturb one another.  Of PySide6
# the part that napari needs can be installed by itself, and is what counts where both are.
_QT = {
    "PySide6": ("PySide6_Essentials", "PySide6"),
    "PyQt6": ("PyQt6",),
    "PySide2": ("PySide2",),
    "PyQt5": ("PyQt5",),
}

# Of the extras those that users install.
_USED_EXTRAS = ("napari", "plot", "volumes")

# Loses a reference to None with every call that gives none; from Python 3.12 on None is immortal.
_LEAKING_QT = "PySide6 6.12.0"


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes
    ----------
    name : str
        What was looked at.
    value : str
        What was found.
    ok : bool or None
        Whether it is as it must be; None where it may be either way.
    fix : str
        What to do, or nothing.
    """

    name: str
    value: str
    ok: bool | None = None
    fix: str = ""


def all_checks(checkpoint: str | None, device: str, precision: str) -> list[Check]:
    """Make every check; what goes wrong becomes a failed check.

    Parameters
    ----------
    checkpoint : str or None
        What the self-test loads; the shipped one if None.
    device, precision : str
        As for `api.load`.

    Returns
    -------
    list of Check
        In the order to be shown.
    """
    found = [*_versions(), *_viewer(), *_torch(device, precision), *_folders(), _shipped()]
    return [*found, _self_test(checkpoint or api.DEFAULT_CHECKPOINT, device, precision)]


def _versions() -> Iterator[Check]:
    yield Check("napari-samara", __version__, True)
    yield Check("Python", f"{platform.python_version()} ({sys.executable})", True)
    yield Check("system", platform.platform())
    yield _packages()


def _packages() -> Check:
    """Compare what is installed with what this version asks for.

    Conda, or a pin of another program, may leave older packages than pip would.
    """
    try:
        asked = [Requirement(text) for text in metadata.requires("napari-samara") or ()]
    except metadata.PackageNotFoundError:
        return Check("packages", "unknown, as napari-samara runs from its source alone")
    wrong, needed = [], []
    for one in asked:
        extras = ("", *_USED_EXTRAS)
        if one.marker is not None and not any(one.marker.evaluate({"extra": e}) for e in extras):
            continue
        found = _version(one.name)
        optional = one.marker is not None and not one.marker.evaluate({"extra": ""})
        fits = optional if found is None else one.specifier.contains(found, prereleases=True)
        if not fits:
            wrong.append(f"{one.name} {found or 'is missing'}")
            needed.append(f'"{one.name}{one.specifier}"')
    fix = f"python -m pip install --upgrade {' '.join(needed)}" if wrong else ""
    return Check("packages", ", ".join(wrong) or "as this version needs them", not wrong, fix)


def _viewer() -> Iterator[Check]:
    """Find napari and Qt without importing them; both are needed for the viewer only."""
    install = 'python -m pip install "napari-samara[napari]" "napari[pyside6]"'
    version = _version("napari")
    fix = "" if version else f"only the viewer needs it: {install}"
    yield Check("napari", version or "not installed", None, fix)
    versions = {name: _first_version(parts) for name, parts in _QT.items()}
    bindings = [f"{name} {found}" for name, found in versions.items() if found]
    fix = "" if bindings or not version else f"napari cannot open a window: {install}"
    if _LEAKING_QT in bindings and sys.version_info < (3, 12):
        fix = (
            "after long use this release ends Python 3.11 with 'deallocating None': "
            'python -m pip install "PySide6!=6.12.0" "PySide6_Essentials!=6.12.0"'
        )
    if len(bindings) > 1:
        fix = "keep one of them: several in one environment disturb each other"
    yield Check("Qt", ", ".join(bindings) or "not installed", None, fix)


def _torch(device: str, precision: str) -> Iterator[Check]:
    try:
        from napari_samara.engine.device import DeviceReport, choose_device

        report = DeviceReport.of_this_machine()
    except (ImportError, OSError) as error:
        yield Check("torch", f"cannot be imported: {error}", False, "python -m pip install torch")
        return
    yield Check("torch", report.torch_version, True)
    try:
        yield Check("device", str(choose_device(device, precision, report)), True, _gpu_fix(report))
    except SamaraError as error:
        yield Check("device", str(error), False)
    set_to = os.environ.get("OMP_NUM_THREADS")
    because = f", OMP_NUM_THREADS={set_to}" if set_to else ""
    yield Check("CPU threads", f"{report.threads} of {os.cpu_count()} cores{because}")


def _gpu_fix(report: DeviceReport) -> str:
    """Command that makes torch see an NVIDIA GPU that is there."""
    if report.cuda_built or report.mps or shutil.which("nvidia-smi") is None:
        return ""
    version = report.torch_version.partition("+")[0]
    command = f"{sys.executable} -m pip install --force-reinstall torch=={version}"
    if sys.platform == "win32":  # where the builds of the Python package index have no CUDA
        command += " --index-url https://download.pytorch.org/whl/cu126"
    return f"nvidia-smi is here, so there is a GPU; the same torch with CUDA: {command}"


def _folders() -> Iterator[Check]:
    folder = models_dir()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    writable = os.access(there, os.W_OK)
    value = f"{folder}, {shutil.disk_usage(there).free / 1e9:.1f} GB free"
    fix = "" if writable else f"no permission to write; set {CACHE_VARIABLE} to another folder"
    yield Check("downloads", value, None if writable else False, fix)
    here = [info.name for info in api.list_checkpoints() if info.sources and info.path]
    yield Check("downloaded", ", ".join(here) or "none")
    value = "forbidden by HF_HUB_OFFLINE" if offline() else "used for downloads only"
    yield Check("network", value)


def _shipped() -> Check:
    """Compare the shipped checkpoint with what was installed."""
    name = SHIPPED
    again = "python -m pip install --force-reinstall --no-deps napari-samara"
    try:
        digest, path = verify_checkpoint(name), find_checkpoint(name).path
        changed = changed_files(path) if path else []
    except (SamaraError, OSError) as error:
        return Check(name, str(error), False, again)
    if changed:
        return Check(name, f"changed since it was installed: {', '.join(changed)}", False, again)
    kind = "not recorded by the installer" if changed is None else "as installed"
    return Check(name, f"sha256 {digest} ({kind})", True)


def _self_test(checkpoint: str, device: str, precision: str) -> Check:
    """Segment one bright disk with a box around it."""
    start = time.perf_counter()
    rows, cols = np.indices((96, 128))
    disk = np.hypot(rows - 48, cols - 60) <= 20
    try:
        predictor = api.load(checkpoint, device, precision)
        embedding = predictor.embed(np.where(disk, 200, 30).astype(np.uint8))
        mask = predictor.predict(embedding, box=(28, 40, 69, 81))[0]
    except Exception as error:  # whatever it is, it is what the doctor is for
        return Check("self-test", f"{type(error).__name__}: {error}", False)
    seconds = time.perf_counter() - start
    overlap = np.count_nonzero(mask.data & disk) / np.count_nonzero(mask.data | disk)
    value = f"{checkpoint}: loaded, encoded and decoded in {seconds:.1f} s, IoU {overlap:.2f}"
    return Check("self-test", value, bool(np.isfinite(mask.score)))


def _first_version(packages: tuple[str, ...]) -> str | None:
    """Version of the first of some packages that is installed."""
    return next((found for name in packages if (found := _version(name))), None)


def _version(package: str) -> str | None:
    """Version of an installed package, without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
