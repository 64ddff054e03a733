"""The viewer brought to where something is: to a plane, to an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_samara.errors import ImageError
from napari_samara.ui.levels import displayed_axes
from napari_samara.ui.screen_size import camera_of
from napari_samara.ui.transforms import unit_factors, units_of

if TYPE_CHECKING:
    from napari.components import Dims, ViewerModel

    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session import ObjectRecord
    from napari_samara.session.held import Held
    from napari_samara.ui.binding import ImageBinding


def shown_plane(dims: Dims, binding: ImageBinding) -> Plane:
    """Plane of an image that the viewer shows.

    Parameters
    ----------
    dims : napari.components.Dims
        Of the viewer.
    binding : ImageBinding
        The image.

    Returns
    -------
    Plane
        Rows along the earlier axis.

    Raises
    ------
    ImageError
        If the sliders stand outside the image.
    """
    plane = binding.plane(dims)
    if plane is None:
        name = binding.layer.name
        raise ImageError(f"the sliders stand outside {name!r}; move them onto it")
    return plane


def show_plane(dims: Dims, binding: ImageBinding, plane: Plane) -> None:
    """Have the viewer show a plane of an image; its axes are rolled only where they must be.

    Parameters
    ----------
    dims : napari.components.Dims
        Of the viewer.
    binding : ImageBinding
        The image.
    plane : Plane
        Of that image, either way round.
    """
    ndim = binding.ndim
    first = dims.ndim - ndim
    shown = sorted(plane.displayed)
    if displayed_axes(dims, ndim) != shown:
        last = [axis + first for axis in shown]
        dims.order = (*(axis for axis in dims.order if axis not in last), *last)
    if not plane.fixed:
        return
    fixed = [axis for axis, _ in plane.fixed]
    inverse = np.linalg.inv(binding.matrix)
    # The way back of `ImageBinding.plane`, which takes the hidden axes by themselves.
    wanted = np.array([index for _, index in plane.fixed]) - inverse[fixed, -1]
    world = np.zeros(ndim)
    world[fixed] = np.linalg.solve(inverse[np.ix_(fixed, fixed)], wanted)
    factors = unit_factors(units_of(binding.layer), getattr(dims, "units", None))
    world[ndim - len(factors) :] *= factors
    for axis in fixed:
        dims.set_point(axis + first, world[axis])


def show_held(dims: Dims, binding: ImageBinding, held: Held) -> None:
    """Have the viewer show prompts that are not accepted yet, unless it shows some already.

    Parameters
    ----------
    dims : napari.components.Dims
        Of the viewer.
    binding : ImageBinding
        The image.
    held : Held
        The prompts, of one object or of many.
    """
    prompts = [*held.opened.prompts, *held.seeds.prompts]
    planes = [prompt.plane(binding.shape) for prompt in prompts]
    if planes and binding.plane(dims) not in planes:
        show_plane(dims, binding, planes[0])


def show_object(viewer: ViewerModel, binding: ImageBinding, record: ObjectRecord) -> None:
    """Bring an accepted object into the middle of the viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        That shows the image.
    binding : ImageBinding
        The image.
    record : ObjectRecord
        One without pixels is left where it is.
    """
    if record.plane is not None and record.box is not None:
        show_part(viewer, binding, record.plane, record.box)


def show_part(
    viewer: ViewerModel,
    binding: ImageBinding,
    plane: Plane,
    box: PixelBox | None,
    keep: bool = False,
) -> None:
    """Have the viewer show a plane of an image, with a box of it in the middle.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        That shows the image.
    binding : ImageBinding
        The image.
    plane : Plane
        Of that image, rows along the earlier axis.
    box : tuple of int or None
        Half-open (row0, col0, row1, col1); None leaves the camera where it is.
    keep : bool
        Whether the camera is left alone as well where all of the box is in view.
    """
    stay = box is None or (keep and _in_view(viewer, binding, plane, box))
    show_plane(viewer.dims, binding, plane)
    if box is None or stay:
        return
    row0, col0, row1, col1 = box
    centre = np.zeros(binding.ndim)
    for axis, index in plane.fixed:
        centre[axis] = index
    centre[list(plane.displayed)] = (row0 + row1 - 1) / 2, (col0 + col1 - 1) / 2
    world = binding.to_world(centre, viewer.dims)
    first = viewer.dims.ndim - binding.ndim
    shown = [axis - first for axis in viewer.dims.displayed if axis >= first]
    camera_of(viewer).center = tuple(world[shown])


def _in_view(viewer: ViewerModel, binding: ImageBinding, plane: Plane, box: PixelBox) -> bool:
    """Whether the camera shows all of a box, on the slice that it is at or another one."""
    if displayed_axes(viewer.dims, binding.ndim) != sorted(plane.displayed):
        return False
    layer = binding.layer
    corners = np.asarray(layer.corner_pixels, dtype=float)  # of the level that napari draws
    if layer.multiscale:
        corners = corners * layer.downsample_factors[layer.data_level] / binding.factors
    (row0, col0), (row1, col1) = corners[:, list(plane.displayed)]
    return bool(row0 <= box[0] and col0 <= box[1] and box[2] - 1 <= row1 and box[3] - 1 <= col1)
