"""Masks as prompts: a rough object to start from, another tool's label for instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from napari_samara.errors import FileFormatError, ImageError, PromptError
from napari_samara.masks import as_bool, box_of, decode_runs, encode_runs, interior_point
from napari_samara.prompts.base import Prompt
from napari_samara.prompts.inputs import PromptInputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from napari_samara.prompts.coordinates import Fixed


@dataclass(frozen=True, repr=False)
class MaskPrompt(Prompt):
    """A rough mask of one object, kept as run lengths so that it compares and saves as a value.

    `mask` makes one from an array.

    Parameters
    ----------
    size : tuple of int
        (rows, cols) of the plane it was drawn in.
    counts : tuple of int
        Column-wise run lengths, as `Mask.to_rle` gives them.
    axis, index : int or tuple of int, optional
        The plane, see `Prompt`.

    Raises
    ------
    PromptError
        If the runs do not fill the size, or the mask is empty.
    """

    kind: ClassVar[str] = "mask"

    size: tuple[int, int]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the runs."""
        try:
            array = decode_runs(tuple(self.counts), tuple(self.size))
        except (FileFormatError, TypeError) as error:
            raise PromptError(f"mask prompt: {error}") from error
        if not array.any():
            raise PromptError(f"a mask prompt of shape {array.shape} is empty; mark the object")
        # From the array, so that runs of length zero do not make equal masks differ.
        object.__setattr__(self, "counts", tuple(encode_runs(array)))
        object.__setattr__(self, "size", (array.shape[0], array.shape[1]))
        super().__post_init__()

    @property
    def array(self) -> NDArray[np.bool_]:
        """The mask, bool (rows, cols), made anew."""
        return decode_runs(self.counts, self.size)

    def inputs(self, shape: tuple[int, int]) -> PromptInputs:
        """Mask, its box and the point deepest inside it: the mask alone guides poorly.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the plane.

        Returns
        -------
        PromptInputs
            With one positive point.

        Raises
        ------
        PromptError
            If the plane has another shape than the mask.
        """
        if tuple(shape) != self.size:
            raise PromptError(
                f"a mask prompt of shape {self.size} does not fit the plane of shape {shape}"
            )
        return region_inputs(self.array)


def region_inputs(array: NDArray[np.bool_]) -> PromptInputs:
    """Mask, box and deepest point of a region.

    Parameters
    ----------
    array : ndarray of bool, shape (rows, cols)
        Not empty.

    Returns
    -------
    PromptInputs
        With one positive point.

    Raises
    ------
    ImageError
        If nothing is True.
    """
    return PromptInputs.of([interior_point(array)], box=box_of(array), mask=array)


def mask(array: ArrayLike, axis: Fixed = None, index: Fixed = None) -> MaskPrompt:
    """Mask prompt.

    Parameters
    ----------
    array : array_like, shape (rows, cols)
        Non-zero on the object; of the shape of the plane.
    axis : int or tuple of int, optional
        Axis the plane is perpendicular to; 0 where only `index` is given.
    index : int or tuple of int, optional
        Slice on `axis`; left out for a 2D image.

    Returns
    -------
    MaskPrompt
        Without a reference to `array`.

    Raises
    ------
    PromptError
        If the array is empty, not 2D, not of numbers, or nowhere true.
    """
    try:
        data: Any = as_bool(array)
    except ImageError as error:
        raise PromptError(str(error)) from error
    return MaskPrompt(
        (data.shape[0], data.shape[1]), tuple(encode_runs(data)), axis=axis, index=index
    )
