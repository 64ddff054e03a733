"""OME-Zarr images, read lazily by zarr itself: axes, levels and spacing from their metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FileFormatError
from napari_samara.formats.axis_view import AxisView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
"""Files that make a folder a zarr group or array."""

_SPATIAL = "ZYX"

# Axes of images before version 0.4, which do not name them all.
_OLD_AXES = "TCZYX"

# Folders between a group and the arrays of its levels, at most.
_DEEP = 3

LENGTHS = {
    "angstrom": ("Å", 1e-10),
    "nanometer": ("nm", 1e-9),
    "micrometer": ("µm", 1e-6),
    "millimeter": ("mm", 1e-3),
    "centimeter": ("cm", 1e-2),
    "meter": ("m", 1.0),
}
"""Names of units, as they are written here and in metres."""


@dataclass(frozen=True, eq=False)
class OmeImage:
    """One level of an image in a zarr folder; nothing of it is read.

    Attributes
    ----------
    array : zarr.Array
        As it is stored.
    axes : str
        A letter for each of its axes, such as ``"TCZYX"``; empty for an array that does not say.
    scale, translation : tuple of float
        Of each axis, in `units`.
    units : tuple of str
        As the metadata spells them; empty where they do not say.
    """

    array: Any
    axes: str = ""
    scale: tuple[float, ...] = ()
    translation: tuple[float, ...] = ()
    units: tuple[str, ...] = ()

    def view(self) -> tuple[AxisView, str]:
        """Return the array without axes of time and channels that have one place, and its axes."""
        shape = self.array.shape
        if not self.axes:
            return AxisView(self.array, range(len(shape))), ""
        kept = [
            axis for axis, letter in enumerate(self.axes) if letter in _SPATIAL or shape[axis] != 1
        ]
        return AxisView(self.array, kept), "".join(self.axes[axis] for axis in kept)

    def grid(self) -> tuple[NDArray[np.float64], str] | None:
        """Return where (plane, row, col, 1) lies as (x, y, z), and the unit; None if unknown."""
        if any(letter not in self.axes for letter in _SPATIAL):
            return None
        at = [self.axes.index(letter) for letter in _SPATIAL]
        known = [LENGTHS.get(self.units[axis]) for axis in at]
        unit, factors = "", [1.0] * len(at)
        if all(known):
            unit, one = known[-1]  # type: ignore[misc]
            factors = [length / one for _, length in known]  # type: ignore[misc]
        elif any(self.units[axis] != self.units[at[0]] for axis in at):
            return None
        affine = np.eye(4)
        for row, (axis, factor) in enumerate(zip(reversed(at), reversed(factors), strict=True)):
            affine[row, :3] = 0
            affine[row, 2 - row] = self.scale[axis] * factor
            affine[row, 3] = self.translation[axis] * factor
        return affine, unit


def is_zarr(path: Path) -> bool:
    """Return whether a folder is one of zarr.

    Parameters
    ----------
    path : Path
        Of a folder, or of nothing.
    """
    return path.is_dir() and (
        path.suffix.lower() == ".zarr" or any((path / name).is_file() for name in MARKS)
    )


def open_ome_zarr(path: Path) -> OmeImage:
    """Open an image in a zarr folder.

    Parameters
    ----------
    path : Path
        Of an OME-Zarr image, whose finest level is taken; of the folder of one of its levels; of
        a collection that holds a single image; or of a plain zarr array.

    Returns
    -------
    OmeImage
        Versions 0.4 and 0.5, and what older ones have in common with them.

    Raises
    ------
    FileFormatError
        If it holds no image, or several, of which one is to be named.
    """
    import zarr

    try:
        node = zarr.open(str(path), mode="r")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise FileFormatError(f"{path} is a folder, but no zarr group or array: {error}") from error
    if isinstance(node, zarr.Array):
        return _level(path, node)
    said = _said(node)
    if "multiscales" in said:
        multiscale = _multiscale(said, path)
        return _opened(node, multiscale, multiscale["datasets"][0], path)
    return open_ome_zarr(_inner(path, node, said))


def _said(node: Any) -> Mapping[str, Any]:
    """Attributes of a group; since version 0.5 they lie in an entry of their own."""
    attributes = dict(node.attrs)
    inner = attributes.get("ome")
    return inner if isinstance(inner, dict) else attributes


def _multiscale(said: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    try:
        found = said["multiscales"][0]
        if not found["datasets"][0]["path"]:
            raise ValueError("a level without a path")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: its multiscales do not name a level: {error!r}") from error
    return dict(found)


def _opened(
    node: Any, multiscale: Mapping[str, Any], dataset: Mapping[str, Any], path: Path
) -> OmeImage:
    """Put a level together with what the group says of it."""
    import zarr

    name = str(dataset["path"])
    array = node.get(name)
    if not isinstance(array, zarr.Array):
        raise FileFormatError(f"{path} names a level {name!r} that is not there")
    count = len(array.shape)
    letters, units = _axes(multiscale.get("axes"), count, path)
    scale, translation = np.ones(count), np.zeros(count)
    for part in (dataset, multiscale):
        for step in part.get("coordinateTransformations") or ():
            values = step.get(str(step.get("type")))
            if step.get("type") not in ("scale", "translation"):
                continue
            if not isinstance(values, list) or len(values) != count:
                raise FileFormatError(
                    f"{path}: its {step['type']} {values!r} has not one number for each of the "
                    f"{count} axes"
                )
            if step["type"] == "scale":
                scale, translation = scale * values, translation * values
            else:
                translation = translation + values
    return OmeImage(array, letters, tuple(scale.tolist()), tuple(translation.tolist()), units)


def _axes(said: Any, count: int, path: Path) -> tuple[str, tuple[str, ...]]:
    """Letters and units of the axes."""
    if said is None:  # before version 0.3
        said = list(_OLD_AXES[-count:].lower())
    entries = [entry if isinstance(entry, dict) else {"name": entry} for entry in said]
    letters = "".join(str(entry.get("name", "?"))[:1].upper() for entry in entries)
    if len(letters) != count or len(set(letters)) != count or "Y" not in letters:
        raise FileFormatError(
            f"{path} says that its axes are {[entry.get('name') for entry in entries]}, and its "
            f"array has {count}; they are to be named t, c, z, y, x, each once"
        )
    return letters, tuple(str(entry.get("unit") or "") for entry in entries)


def _level(path: Path, array: Any) -> OmeImage:
    """Look for what a group above says of one of its arrays."""
    import zarr

    group = path.absolute()
    for _ in range(_DEEP):
        name, group = path.absolute().relative_to(group.parent).as_posix(), group.parent
        if not any((group / mark).is_file() for mark in MARKS):
            continue
        node = zarr.open(str(group), mode="r")
        said = _said(node)
        if "multiscales" not in said:
            continue
        multiscale = _multiscale(said, group)
        for dataset in multiscale["datasets"]:
            if str(dataset.get("path")).strip("/") == name:
                return _opened(node, multiscale, dataset, group)
    return OmeImage(array)


def _inner(path: Path, node: Any, said: Mapping[str, Any]) -> Path:
    """Return the one image of a collection."""
    wells = said.get("plate", {}).get("wells", []) if "plate" in said else []
    if wells:
        inside: Sequence[str] = [f"{well.get('path')}/0" for well in wells]
    elif "labels" in said:
        inside = [str(name) for name in said["labels"]]
    else:  # of Bio-Formats: images 0, 1, ... beside a folder OME
        inside = sorted(name for name, _ in node.members() if name != "OME")
    if len(inside) == 1:
        return path / inside[0]
    if not inside:
        raise FileFormatError(f"{path} is a zarr group without an image")
    shown = ", ".join(inside[:4]) + (", ..." if len(inside) > 4 else "")
    raise FileFormatError(
        f"{path} holds {len(inside)} images or arrays ({shown}); name one of them, as in "
        f"{path / inside[0]}"
    )
