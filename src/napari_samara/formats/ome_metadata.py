"""What OME-Zarr says of labels: axes, spacing and place, and the list of an image's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.formats.ome_zarr import LENGTHS, is_zarr

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.volumes import Grid

_NEWEST = "0.5"


def version_beside(path: Path) -> str:
    """Return the version that labels are to have.

    Parameters
    ----------
    path : Path
        Of the labels.

    Returns
    -------
    str
        ``"0.4"`` or ``"0.5"``: that of the image, where they lie in its group ``labels``.
    """
    import zarr

    image = path.parent.parent
    if path.parent.name != "labels" or not is_zarr(image):
        return _NEWEST
    return "0.4" if zarr.open_group(str(image), mode="r").metadata.zarr_format == 2 else _NEWEST


def label_attributes(path: Path, version: str, axes: str, grid: Grid) -> dict[str, Any]:
    """Return the attributes of a label image of one level, array ``0``.

    Parameters
    ----------
    path : Path
        Of the labels.
    version : str
        ``"0.4"`` or ``"0.5"``.
    axes : str
        Such as ``"zyx"``.
    grid : Grid
        Spacing of z, y and x; translation is written where the axes of the affine are those of
        the volume: nothing else can be said in these versions.
    """
    names = {short: name for name, (short, _) in LENGTHS.items()}
    unit = names.get(grid.unit) if grid.spacing is not None else None
    said = []
    for letter in axes:
        entry = {"name": letter, "type": "time" if letter == "t" else "space"}
        if unit is not None and letter != "t":
            entry["unit"] = unit
        said.append(entry)
    spacing = dict(zip("zyx", grid.spacing or (1.0,) * 3, strict=True))
    steps: list[dict[str, Any]] = [
        {"type": "scale", "scale": [float(spacing.get(letter, 1.0)) for letter in axes]}
    ]
    origin = _translation(grid)
    if origin is not None and any(origin.values()):
        steps.append(
            {"type": "translation", "translation": [origin.get(letter, 0.0) for letter in axes]}
        )
    multiscale: dict[str, Any] = {
        "name": path.name.split(".")[0],
        "axes": said,
        "datasets": [{"path": "0", "coordinateTransformations": steps}],
    }
    label: dict[str, Any] = {}
    if path.parent.name == "labels" and is_zarr(path.parent.parent):
        label["source"] = {"image": "../../"}
    if version == "0.4":
        multiscale["version"] = label["version"] = version
        return {"multiscales": [multiscale], "image-label": label}
    return {"ome": {"version": version, "multiscales": [multiscale], "image-label": label}}


def listed_labels(path: Path, zarr_format: int) -> None:
    """Put labels into the list of the image they lie in.

    Parameters
    ----------
    path : Path
        ``IMAGE/labels/NAME``.
    zarr_format : int
        2 or 3.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    import zarr

    group: Any = zarr.open_group(str(path.parent), mode="a", zarr_format=zarr_format)  # type: ignore[arg-type]
    inner = dict(group.attrs.get("ome") or {}) if zarr_format == 3 else dict(group.attrs)
    names = [str(name) for name in inner.get("labels", []) if name != path.name]
    names.append(path.name)
    if zarr_format == 3:
        group.attrs["ome"] = {**inner, "version": _NEWEST, "labels": names}
    else:
        group.attrs["labels"] = names


def _translation(grid: Grid) -> dict[str, float] | None:
    """Place of the first voxel, where the axes of the grid run along x, y and z."""
    if grid.affine is None or grid.spacing is None:
        return None
    z, y, x = grid.spacing
    along = np.array([[0, 0, x], [0, y, 0], [z, 0, 0]])
    if not np.allclose(grid.affine[:3, :3], along, rtol=1e-6, atol=0):
        return None
    return dict(zip("xyz", grid.affine[:3, 3].tolist(), strict=True))
