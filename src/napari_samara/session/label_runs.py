"""Labels as runs, block by block: the whole of them need not be in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.session.edits import LabelEdit

# Values of a block, more or less.
_BLOCK = 1 << 22


def blocks_of(labels: Any) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield labels a few places of the first axis at a time.

    Parameters
    ----------
    labels : array of int
        Lazy or not.

    Yields
    ------
    int, ndarray
        First place and the labels from there on.
    """
    shape = tuple(int(size) for size in labels.shape)
    for start, end in _spans(shape):
        yield start, np.asarray(labels[start:end])


def blocks_of_runs(
    data: Mapping[str, Any] | None, shape: tuple[int, ...], dtype: Any
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the labels of runs a few places of the first axis at a time.

    Parameters
    ----------
    data : mapping or None
        As `encode_blocks` gives it; None for zeros.
    shape : tuple of int
        Of the labels.
    dtype : data type
        Of the labels.

    Yields
    ------
    int, ndarray
        As `blocks_of`.

    Raises
    ------
    FileFormatError
        If the runs do not fill the shape.
    """
    each = int(np.prod(shape[1:], dtype=np.int64))
    try:
        values = np.asarray([0] if data is None else data["values"], dtype=np.int64)
        lengths = [int(np.prod(shape, dtype=np.int64))] if data is None else data["lengths"]
        ends = np.cumsum(np.asarray(lengths, dtype=np.int64))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(f"runs of labels need whole values and lengths: {error}") from error
    rising = not len(ends) or (np.diff(ends, prepend=0) >= 0).all()
    if values.shape != ends.shape or not rising or ends[-1:].sum() != shape[0] * each:
        raise FileFormatError(f"runs of labels do not fill the shape {tuple(shape)}")
    for start, end in _spans(shape):
        first, last = start * each, end * each
        at = slice(np.searchsorted(ends, first, "right"), np.searchsorted(ends, last) + 1)
        borders = np.clip(ends[at], first, last)
        lengths_here = np.diff(borders, prepend=first)
        block = np.repeat(values[at], lengths_here).astype(dtype)
        yield start, block.reshape(end - start, *shape[1:])


def without_edits(
    blocks: Iterable[tuple[int, NDArray[Any]]], made: Sequence[LabelEdit]
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield blocks as they were before some edits.

    Parameters
    ----------
    blocks : iterable of (int, ndarray)
        As `blocks_of` gives them.
    made : sequence of LabelEdit
        In the order they were made.

    Yields
    ------
    int, ndarray
        Copies where an edit touches them.
    """
    for start, block in blocks:
        changed = block.copy() if made else block
        for edit in reversed(made):
            _take_back(edit, start, changed)
        yield start, changed


def encode_blocks(blocks: Iterable[tuple[int, NDArray[Any]]]) -> dict[str, Any] | None:
    """Return labels as runs of equal ones in row-major order.

    Parameters
    ----------
    blocks : iterable of (int, ndarray)
        All, in order.

    Returns
    -------
    dict or None
        ``values`` and ``lengths``; None for nothing but zeros.
    """
    values: list[int] = []
    lengths: list[int] = []
    for _, block in blocks:
        flat = block.ravel()
        if not flat.size:
            continue
        starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        mine = flat[starts].tolist()
        sizes = np.diff(starts, append=flat.size).tolist()
        if values and values[-1] == mine[0]:
            lengths[-1] += sizes.pop(0)
            mine.pop(0)
        values += mine
        lengths += sizes
    return {"values": values, "lengths": lengths} if any(values) else None


def fill(labels: Any, data: Mapping[str, Any] | None) -> None:
    """Make labels what runs say, and write only blocks that differ.

    Parameters
    ----------
    labels : array of int
        Written in place; one that has `clear` is made 0 by that.
    data : mapping or None
        As `encode_blocks` gives it; None for zeros.

    Raises
    ------
    FileFormatError
        If the runs do not fill the shape.
    """
    if data is None and hasattr(labels, "clear"):
        labels.clear()  # which knows where there is anything
        return
    shape = tuple(int(size) for size in labels.shape)
    for start, block in blocks_of_runs(data, shape, labels.dtype):
        end = start + len(block)
        if not np.array_equal(np.asarray(labels[start:end]), block):
            labels[start:end] = block


def _spans(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    each = max(1, int(np.prod(shape[1:], dtype=np.int64)))
    step = max(1, _BLOCK // each)
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


def _take_back(edit: LabelEdit, start: int, block: NDArray[Any]) -> None:
    """Write what was there before an edit into a block that begins at a place of axis 0."""
    plane = edit.plane
    rows, cols = plane.displayed
    window: dict[int, Any] = {axis: slice(index, index + 1) for axis, index in plane.fixed}
    window[rows] = slice(edit.box[0], edit.box[2])
    window[cols] = slice(edit.box[1], edit.box[3])
    full = [window[axis] for axis in range(plane.ndim)]
    low, high = max(full[0].start, start), min(full[0].stop, start + len(block))
    if low >= high:
        return
    order = sorted(range(2), key=lambda at: plane.displayed[at])
    sizes = [part.stop - part.start for part in full]
    before, changed = (
        part.transpose(order).reshape(sizes)[low - full[0].start : high - full[0].start]
        for part in (edit.before, edit.changed)
    )
    target = block[(slice(low - start, high - start), *full[1:])]
    np.copyto(target, before, where=changed, casting="unsafe")
