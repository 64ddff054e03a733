"""OME-Zarr images written for tests, their metadata spelled out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

KINDS = {"t": "time", "c": "channel"}
UNITS = dict.fromkeys("zyx", "micrometer")


def axes_of(letters: str, units: dict[str, str] | None = None) -> list[dict[str, str]]:
    """Entries of the axes; `units` are by letter."""
    entries = []
    for letter in letters:
        entry = {"name": letter, "type": KINDS.get(letter, "space")}
        unit = (UNITS if units is None else units).get(letter)
        entries.append(entry if unit is None else {**entry, "unit": unit})
    return entries


def write_image(path: Path, data: np.ndarray, axes: str = "zyx", **options: Any) -> None:
    """Write an image with two levels, each half as fine in rows and columns.

    Parameters
    ----------
    path : Path
        Folder.
    data : ndarray
        With the axes.
    axes : str
        A small letter for each.
    **options
        ``version`` ("0.4" or "0.5"), ``scale`` of the finest level by letter, ``steps``
        (transformations of all levels), ``units``, ``datasets`` and ``said`` in place of those.
    """
    version = options.get("version", "0.5")
    scale = {"z": 2.0, "y": 0.5, "x": 0.25} | options.get("scale", {})
    datasets = []
    for level in (0, 1):
        each = [scale.get(n, 1.0) * (2**level if n in "yx" else 1) for n in axes]
        steps = [{"type": "scale", "scale": each}]
        datasets.append({"path": str(level), "coordinateTransformations": steps})
    multiscale = {"axes": axes_of(axes, options.get("units")), "datasets": datasets}
    if "steps" in options:
        multiscale["coordinateTransformations"] = options["steps"]
    multiscale |= options.get("said", {})
    if version == "0.4":
        attributes: dict[str, Any] = {"multiscales": [{**multiscale, "version": version}]}
    else:
        attributes = {"ome": {"version": version, "multiscales": [multiscale]}}
    kind: Any = 2 if version == "0.4" else 3
    group = zarr.create_group(str(path), zarr_format=kind, attributes=attributes)
    for level in (0, 1):
        step = [slice(None, None, 2**level if n in "yx" else 1) for n in axes]
        part = data[tuple(step)]
        chunks = tuple(min(side, 8) for side in part.shape)
        array = group.create_array(str(level), shape=part.shape, dtype=data.dtype, chunks=chunks)
        array[...] = part
