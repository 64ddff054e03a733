"""The volume that a viewer shows: the slices along one axis, all other axes where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.plane_order import planes_of
from napari_samara.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.planes import Plane
    from napari_samara.ui.binding import ImageBinding


@dataclass(frozen=True)
class Volume:
    """Three axes of an image: two that are shown, and one that is gone along.

    Attributes
    ----------
    shape : tuple of int
        Of the image, channels left out.
    plane : Plane
        The slice that is shown, rows along the earlier axis.
    along : int
        The axis that slices follow each other on.
    """

    shape: tuple[int, ...]
    plane: Plane
    along: int

    @classmethod
    def of(cls, shape: Sequence[int], plane: Plane, along: int | None = None) -> Volume:
        """Volume around a plane.

        Parameters
        ----------
        shape : sequence of int
            Of the image, channels left out.
        plane : Plane
            That is shown.
        along : int, optional
            One of the axes that are not shown; any other, or none, means the last of them.

        Returns
        -------
        Volume
            With the other axes fixed where the plane is.

        Raises
        ------
        ImageError
            If the image has two axes only.
        """
        if plane.axis is None:
            raise ImageError("a 2D image has no slices")
        hidden = dict(plane.fixed)
        return cls(tuple(shape), plane, along if along in hidden else plane.axis)

    @property
    def hidden(self) -> tuple[int, ...]:
        """Axes that are not shown; each can be gone along."""
        return tuple(axis for axis, _ in self.plane.fixed)

    @property
    def count(self) -> int:
        """Slices there are."""
        return self.shape[self.along]

    @property
    def index(self) -> int:
        """Which of them is shown."""
        return dict(self.plane.fixed)[self.along]

    @property
    def slices(self) -> tuple[Plane, ...]:
        """Every slice, in order."""
        return tuple(self.plane.at(index, self.along) for index in range(self.count))

    @property
    def three_ways(self) -> tuple[Plane, ...]:
        """Slices along this axis, then those across the other two."""
        rest = {axis: at for axis, at in self.plane.fixed if axis != self.along}
        return tuple(planes_of(self.shape, (self.along, *sorted(self.plane.displayed)), rest))

    def index_of(self, plane: Plane) -> int | None:
        """Tell which of the slices a plane is.

        Parameters
        ----------
        plane : Plane
            Rows along the earlier axis.

        Returns
        -------
        int or None
            None for none of them.
        """
        if plane.displayed != self.plane.displayed:
            return None
        here, there = dict(self.plane.fixed), dict(plane.fixed)
        same = all(there[axis] == at for axis, at in here.items() if axis != self.along)
        return there[self.along] if same else None


def axis_name(binding: ImageBinding, axis: int) -> str:
    """Name of an axis of an image for the user.

    Parameters
    ----------
    binding : ImageBinding
        The image.
    axis : int
        From 0 up.

    Returns
    -------
    str
        As the layer calls it, or its number where the layer has only napari's own names.
    """
    labels = tuple(getattr(binding.layer, "axis_labels", ()))
    name = str(labels[axis]).strip() if len(labels) > axis else ""
    plain = not name or name.lstrip("-").isdigit() or name.startswith("axis ")
    return f"axis {axis}" if plain else name


def spacing_of(binding: ImageBinding) -> tuple[float, ...]:
    """Distance between neighbours along each axis, as the layer is drawn.

    Parameters
    ----------
    binding : ImageBinding
        The image.

    Returns
    -------
    tuple of float
        In the units of the layer.
    """
    return tuple(float(step) for step in np.linalg.norm(binding.matrix[:-1, :-1], axis=0))
