"""Changes of labels as values that can be applied, turned round and saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FileFormatError, FrameError
from napari_samara.planes import Plane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox


# Edits of a plane up to which each is written by itself.
_APART = 4


@dataclass(frozen=True, eq=False)
class LabelEdit:
    """New labels in a box of one plane.

    Parameters
    ----------
    plane : Plane
        Where.
    box : tuple of int
        Half-open (row0, col0, row1, col1) in pixels of the plane.
    before, after : ndarray of int, shape (row1 - row0, col1 - col0)
        Labels; where both are equal nothing is written.

    Raises
    ------
    FrameError
        If the arrays do not have the shape of the box.
    """

    plane: Plane
    box: PixelBox
    before: NDArray[Any]
    after: NDArray[Any]

    def __post_init__(self) -> None:
        """Check the shapes."""
        row0, col0, row1, col1 = self.box
        for array in (self.before, self.after):
            if array.shape != (row1 - row0, col1 - col0):
                raise FrameError(f"labels of shape {array.shape} do not fill the box {self.box}")

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Which pixels of the box get another label."""
        return np.asarray(self.before != self.after, dtype=np.bool_)

    def apply(self, labels: Any) -> None:
        """Write the changed pixels, and no other.

        Parameters
        ----------
        labels : array of int, all axes of the image
            Changed in place.

        Raises
        ------
        ImageError, FrameError
            If the plane or the box does not lie in it.
        """
        current = crop(self.plane, labels, self.box).copy()
        np.copyto(current, self.after, where=self.changed, casting="unsafe")
        self.plane.insert(labels, current, self.box)

    def inverse(self) -> LabelEdit:
        """Return the edit that takes this one back."""
        return LabelEdit(self.plane, self.box, self.after, self.before)

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON: the new labels as runs along the rows, null where unchanged.

        Returns
        -------
        dict
            Without the labels before, which whoever replays an edit has.
        """
        numbers = np.where(self.changed, self.after.astype(np.int64), _UNCHANGED)
        return {"plane": self.plane.to_dict(), "box": list(self.box), **encode_values(numbers)}


@dataclass(frozen=True, eq=False)
class Edits:
    """Edits of one step.

    Attributes
    ----------
    edits : tuple of LabelEdit
        In the order they are made.
    made : bool
        Whether the labels have them already, as after a stroke of a brush.
    """

    edits: tuple[LabelEdit, ...] = ()
    made: bool = False


def edit_from_dict(data: Mapping[str, Any], labels: Any) -> LabelEdit:
    """Edit of its plain form, on labels that are as they were before it.

    Parameters
    ----------
    data : mapping
        As `LabelEdit.to_dict` gives it.
    labels : array of int, all axes of the image
        Read for the labels before.

    Returns
    -------
    LabelEdit
        Not yet applied.

    Raises
    ------
    FileFormatError
        If it is not the plain form of an edit.
    ImageError, FrameError
        If it does not lie in `labels`.
    """
    try:
        plane = Plane.from_dict(data["plane"])
        row0, col0, row1, col1 = (int(number) for number in data["box"])
        numbers = decode_values(data, (row1 - row0, col1 - col0))
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"not the plain form of an edit: {data!r:.120}") from error
    before = crop(plane, labels, (row0, col0, row1, col1)).copy()
    after = np.where(numbers == _UNCHANGED, before, numbers).astype(before.dtype)
    return LabelEdit(plane, (row0, col0, row1, col1), before, after)


def merged(edits: Sequence[LabelEdit], labels: Any) -> list[LabelEdit]:
    """Fewer edits that do the same: where a plane has many, they are written at once.

    Parameters
    ----------
    edits : sequence of LabelEdit
        In the order they are to be made.
    labels : array of int, all axes of the image
        As they are before all of them.

    Returns
    -------
    list of LabelEdit
        In an order that does the same.
    """
    if len(edits) <= _APART or len({edit.plane.displayed for edit in edits}) > 1:
        return list(edits)  # planes that cross each other must be written in order
    by_plane: dict[Plane, list[LabelEdit]] = {}
    for edit in edits:
        by_plane.setdefault(edit.plane, []).append(edit)
    found = []
    for plane, mine in by_plane.items():
        if len(mine) <= _APART:
            found += mine
            continue
        corners = np.array([edit.box for edit in mine])
        (row0, col0), (row1, col1) = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
        box = int(row0), int(col0), int(row1), int(col1)
        before = crop(plane, labels, box).copy()
        after = before.copy()
        for edit in mine:
            top, left, bottom, right = edit.box
            window = after[top - box[0] : bottom - box[0], left - box[1] : right - box[1]]
            np.copyto(window, edit.after, where=edit.changed, casting="unsafe")
        found.append(LabelEdit(plane, box, before, after))
    return found


def crop(plane: Plane, labels: Any, box: PixelBox) -> NDArray[Any]:
    """Labels in a box of a plane.

    Parameters
    ----------
    plane : Plane
        Where.
    labels : array of int, all axes of the image
        Anything that `Plane.extract` reads.
    box : tuple of int
        Half-open (row0, col0, row1, col1).

    Returns
    -------
    ndarray, shape (row1 - row0, col1 - col0)
        A view where `labels` is a NumPy array.

    Raises
    ------
    FrameError
        If the box leaves the plane.
    """
    return plane.extract(labels, box=box)


_UNCHANGED = np.iinfo(np.int64).min


def encode_values(numbers: NDArray[np.int64]) -> dict[str, Any]:
    """Return the runs of equal numbers in row-major order.

    Parameters
    ----------
    numbers : ndarray of int64
        Any shape.

    Returns
    -------
    dict
        ``values`` (null for the mark of an unchanged pixel) and ``lengths``.
    """
    flat = numbers.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] - 1)) if flat.size else np.zeros(0, int)
    lengths = np.diff(starts, append=flat.size)
    values = [None if value == _UNCHANGED else int(value) for value in flat[starts].tolist()]
    return {"values": values, "lengths": lengths.tolist()}


def decode_values(data: Mapping[str, Any], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Array of runs.

    Parameters
    ----------
    data : mapping
        As `encode_values` gives it.
    shape : tuple of int
        Of the array.

    Returns
    -------
    ndarray of int64
        Of that shape.

    Raises
    ------
    FileFormatError
        If the runs do not fill the shape.
    """
    try:
        marked = [_UNCHANGED if value is None else value for value in data["values"]]
        values = np.asarray(marked, dtype=np.int64)
        lengths = np.asarray(data["lengths"], dtype=np.int64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(f"runs of labels need whole values and lengths: {error}") from error
    total = int(np.prod(shape, dtype=np.int64))
    if values.shape != lengths.shape or lengths.min(initial=0) < 0 or lengths.sum() != total:
        raise FileFormatError(f"runs of labels do not fill the shape {tuple(shape)}")
    return np.repeat(values, lengths).reshape(shape)
