"""Slices of a volume along one axis, and the mask of an object in one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError, PromptError
from napari_samara.masks import box_of
from napari_samara.planes import Plane
from napari_samara.volumes import checked_spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.masks import PixelBox

    Bools = NDArray[np.bool_]

GIVEN, PROPAGATED, INTERPOLATED, FUSED = "given", "propagated", "interpolated", "fused"
"""Where the mask of a slice comes from."""


@dataclass(frozen=True, eq=False)
class Slices:
    """Where propagation gets all it looks at, slice by slice.

    Attributes
    ----------
    shape : tuple of int
        Of the image, an axis of channels left out.
    axis : int
        Along which objects are followed.
    embedding_of : callable
        Returns the embedding of a plane; keeps what it likes.
    pixels_of : callable
        Returns a plane in grey as the model sees it, uint8 (rows, cols).
    rest : mapping of int to int
        Index on each axis that is neither `axis` nor one of its slices, such as that of time.
    spacing : sequence of float or None
        Distance between neighbours along each axis of `shape`; None where all are alike.
    taken_of : callable or None
        Returns which pixels of a plane other objects have for good, bool (rows, cols).
    """

    shape: tuple[int, ...]
    axis: int
    embedding_of: Callable[[Plane], Embedding]
    pixels_of: Callable[[Plane], NDArray[np.uint8]]
    rest: Mapping[int, int] = field(default_factory=dict)
    spacing: Sequence[float] | None = None
    taken_of: Callable[[Plane], Bools] | None = None

    def __post_init__(self) -> None:
        """Check that the axes make slices, and the spacing."""
        if not 0 <= self.axis < len(self.shape) or len(self.rest) + 3 != len(self.shape):
            raise ImageError(
                f"an image of shape {self.shape} has no slices along axis {self.axis} with "
                f"{dict(self.rest)} fixed; objects are followed along one axis of three"
            )
        self.plane(0).size(self.shape)
        if self.spacing is not None:
            checked_spacing(self.spacing, len(self.shape))

    def __len__(self) -> int:
        """Count the slices."""
        return self.shape[self.axis]

    def plane(self, index: int) -> Plane:
        """Return one slice as a plane."""
        return Plane.of(len(self.shape), fixed={**self.rest, self.axis: index})

    def index_of(self, plane: Plane) -> int:
        """Return which slice a plane is.

        Parameters
        ----------
        plane : Plane
            Upright.

        Returns
        -------
        int
            Its index on `axis`.

        Raises
        ------
        PromptError
            If it is none of these slices.
        """
        fixed = dict(plane.fixed)
        index = fixed.pop(self.axis, None)
        if index is None or fixed != dict(self.rest):
            raise PromptError(
                f"{plane} is no slice along axis {self.axis}"
                + (f" with {dict(self.rest)} fixed" if self.rest else "")
                + "; give prompts on slices of the axis that objects are followed along"
            )
        return index

    @cached_property
    def size(self) -> tuple[int, int]:
        """Rows and columns of each slice."""
        return self.plane(0).size(self.shape)

    @cached_property
    def step(self) -> float:
        """Distance between slices in pixels of them; 1 where the spacing is not known."""
        if self.spacing is None:
            return 1.0
        rows, cols = self.plane(0).displayed
        return float(self.spacing[self.axis] / np.sqrt(self.spacing[rows] * self.spacing[cols]))


@dataclass(frozen=True, eq=False)
class SliceMask:
    """An object in one slice, cut to its box so that a volume of them fits in memory.

    Attributes
    ----------
    box : tuple of int
        Half-open (row0, col0, row1, col1); of size 0 for an empty mask.
    crop : ndarray of bool, shape of the box
        True on the object.
    size : tuple of int
        (rows, cols) of the slice.
    score : float
        IoU that the model predicts; 1 for what was given.
    origin : str
        `GIVEN`, `PROPAGATED`, `INTERPOLATED` or `FUSED`.
    doubt : float
        From 0, sure, to 1.
    reason : str
        Why there is doubt, in words; empty for little.
    """

    box: PixelBox
    crop: Bools
    size: tuple[int, int]
    score: float = 1.0
    origin: str = GIVEN
    doubt: float = 0.0
    reason: str = ""

    @classmethod
    def of(cls, data: Bools, score: float = 1.0, origin: str = GIVEN) -> SliceMask:
        """Cut a mask (rows, cols) to its box."""
        rows, cols = data.shape
        box = box_of(data) or (0, 0, 0, 0)
        crop = data[box[0] : box[2], box[1] : box[3]].copy()
        return cls(box, crop, (rows, cols), float(score), origin)

    @property
    def data(self) -> Bools:
        """The whole slice, bool (rows, cols)."""
        whole = np.zeros(self.size, dtype=np.bool_)
        whole[self.window] = self.crop
        return whole

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of the box in a slice."""
        return slice(self.box[0], self.box[2]), slice(self.box[1], self.box[3])

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.crop))


def overlap(one: Any, other: Any) -> float:
    """Return the IoU of two masks of one shape; 1 where both are empty."""
    either = np.count_nonzero(one | other)
    return float(np.count_nonzero(one & other) / either) if either else 1.0
