"""Accepted objects: a Labels layer as the array that a session writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from psygnal import Signal

from napari_samara.errors import ImageError
from napari_samara.planes import Plane
from napari_samara.session.edits import LabelEdit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray


_Part: TypeAlias = "tuple[tuple[NDArray[Any], ...], NDArray[Any], NDArray[Any]]"
"""Indices of changed pixels, their labels before, and after."""


class LayerLabels:
    """Array of a Labels layer; what is written to it is drawn and can be undone in napari.

    Only changed pixels reach the layer, through its `data_setitem`: that costs the same for a
    small object in a small and in a huge image.

    Parameters
    ----------
    layer : napari.layers.Labels
        The user's own or one made for the purpose.
    shape : sequence of int
        Shape of the image level that is annotated, channels left out.
    highest : int, optional
        Highest label in it, where that is known.

    Raises
    ------
    ImageError
        If the layer is multiscale or has another shape.
    """

    painted = Signal(tuple)
    """Every `LabelEdit` of one stroke, a plane each."""

    def __init__(self, layer: Labels, shape: Sequence[int], highest: int | None = None) -> None:
        if layer.multiscale or tuple(layer.data.shape) != tuple(shape):
            found = "several levels" if layer.multiscale else f"shape {tuple(layer.data.shape)}"
            raise ImageError(
                f"the labels {layer.name!r} have {found}, the image has shape {tuple(shape)}; "
                "choose other labels, or let new ones be made"
            )
        self.layer, self.highest = layer, highest
        self._writing = False
        self._depths = history_depths(layer)
        layer.events.paint.connect(self._on_paint)
        layer.events.set_data.connect(self._on_drawn)
        self._follow("undo", "redo")

    def close(self) -> None:
        """Let go of the layer."""
        self.layer.events.paint.disconnect(self._on_paint)
        self.layer.events.set_data.disconnect(self._on_drawn)
        for name in ("undo", "redo"):
            vars(self.layer).pop(name, None)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return tuple(self.layer.data.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the labels."""
        found: np.dtype[Any] = np.dtype(self.layer.data.dtype)
        return found

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape))

    @property
    def blank(self) -> bool:
        """Whether labels on the disk were never written, which shows without reading them."""
        return bool(getattr(self.layer.data, "blank", False))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is None:  # NumPy 1 has no such mode
            return np.asarray(self.layer.data, dtype=dtype)
        return np.array(self.layer.data, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, region: Any) -> Any:
        return self.layer.data[region]

    def __setitem__(self, region: Any, values: Any) -> None:
        current = np.asarray(self.layer.data[region])
        values = np.broadcast_to(values, current.shape)
        changed = current != values
        if not changed.any():
            return
        self._writing = True
        try:
            # As a whole array: napari takes its own copy of what was there before.
            self.layer.data_setitem(_indices(region, self.shape, changed), values[changed])
        finally:
            self._writing = False

    def become(self, labels: NDArray[Any]) -> None:
        """Take over other labels by one assignment; nothing to do where the layer has them.

        Parameters
        ----------
        labels : ndarray of int
            Of the same shape; the layer keeps its own type.
        """
        if self.layer.data is not labels:
            self.layer.data = labels.astype(self.dtype, copy=False)

    def _follow(self, *names: str) -> None:
        """Look after these methods of the layer: it draws nothing, and so tells nothing, hidden."""

        def followed(method: Callable[[], None]) -> Callable[[], None]:
            def call() -> None:
                method()
                self._on_drawn()

            return call

        for name in names:
            setattr(self.layer, name, followed(getattr(self.layer, name)))

    def _on_paint(self, event: Any) -> None:
        """Tell what the user painted, plane by plane."""
        self._depths = history_depths(self.layer)
        if self._writing:
            return
        self._paint(event.value)

    def _on_drawn(self, _: Any = None) -> None:
        """Tell what `undo` or `redo` of the layer itself did, which napari has no event for.

        It draws the layer anew afterwards, and so do many other things: only the number of steps
        that can be undone and redone tells.
        """
        before, self._depths = self._depths, history_depths(self.layer)
        undone = self._depths[1] - before[1]
        # While a stroke is being painted napari drops what could be redone: no step is done then.
        if self._writing or not undone or before[0] - self._depths[0] != undone:
            return
        self._paint(stepped(self.layer, undone))

    def _paint(self, atoms: Sequence[Any]) -> None:
        """Tell of the edits that were made together."""
        edits = tuple(painted_edits(self.layer, atoms))
        if edits:
            self.painted.emit(edits)


def history_depths(layer: Labels) -> tuple[int, int]:
    """Return how many steps a layer could undo, and how many redo, by itself."""
    undo, redo = (getattr(layer, f"_{way}_history", ()) for way in ("undo", "redo"))
    return len(undo), len(redo)


def stepped(layer: Labels, undone: int) -> list[_Part]:
    """Return what the undo or redo of a layer has just written.

    Parameters
    ----------
    layer : napari.layers.Labels
        With that done.
    undone : int
        Steps undone, negative for steps done again.

    Returns
    -------
    list of (indices, before, after)
        In the order it was done.
    """
    if undone < 0:
        items = list(layer._undo_history)[undone:]  # noqa: SLF001 - nothing public tells
        return [_part(atom) for item in items for atom in item]
    # napari keeps them the other way round, ready to be done again.
    items = list(layer._redo_history)[-undone:]  # noqa: SLF001
    parts = [_part(atom) for item in items for atom in item]
    return [(indices, new, old) for indices, old, new in parts]


def painted_edits(layer: Labels, atoms: Sequence[Any]) -> Iterator[LabelEdit]:
    """Tell what a stroke of the brush changed, one edit for each plane it touched.

    Parameters
    ----------
    layer : napari.layers.Labels
        That was painted in.
    atoms : sequence
        Value of its `paint` event: changes in the order they were made.

    Yields
    ------
    LabelEdit
        In planes as the viewer shows them, rows along the earlier axis.
    """
    parts = [part for part in map(_part, atoms) if part[1].size]
    if not parts:
        return
    ndim = len(layer.data.shape)
    displayed = sorted(layer._slice_input.displayed[-2:]) if ndim > 2 else [0, 1]  # noqa: SLF001
    fixed = [axis for axis in range(ndim) if axis not in displayed]
    where = (
        np.concatenate([np.stack([part[0][axis] for axis in fixed], -1) for part in parts])
        if (fixed)
        else np.zeros((1, 0), int)
    )
    for at in np.unique(where, axis=0):
        plane = Plane.of(ndim, displayed, dict(zip(fixed, at.tolist(), strict=True)))
        yield _edit(layer, plane, parts)


def _edit(layer: Labels, plane: Plane, parts: Sequence[_Part]) -> LabelEdit:
    """Change of one plane, whether napari has written it already (a stroke) or not yet (a call)."""
    row, col = plane.displayed
    inside = []
    for indices, old, new in parts:
        here = np.ones(len(old), dtype=bool)
        for axis, index in plane.fixed:
            here &= indices[axis] == index
        inside.append((indices[row][here], indices[col][here], old[here], new[here]))
    rows = np.concatenate([part[0] for part in inside])
    cols = np.concatenate([part[1] for part in inside])
    row0, col0 = int(rows.min()), int(cols.min())
    box = (row0, col0, int(rows.max()) + 1, int(cols.max()) + 1)
    after = plane.extract(layer.data)[box[0] : box[2], box[1] : box[3]].copy()
    for part_rows, part_cols, _, new in inside:
        after[part_rows - row0, part_cols - col0] = new
    before = after.copy()
    for part_rows, part_cols, old, _ in reversed(inside):
        before[part_rows - row0, part_cols - col0] = old
    return LabelEdit(plane, box, before, after)


def _part(atom: Any) -> _Part:
    """Return indices, earlier and new values of one change, in either form that napari has."""
    if hasattr(atom, "old_values"):  # a box with a mask; a plain tuple of arrays before 0.9
        sides = [part.stop - part.start for part in atom.slice_key]
        mask = np.ones(sides, dtype=bool) if atom.mask is None else np.asarray(atom.mask)
        offsets = [part.start for part in atom.slice_key]
        found = np.nonzero(mask.reshape(sides))
        full = tuple(axis + start for axis, start in zip(found, offsets, strict=True))
        old, new = np.ravel(atom.old_values), np.ravel(atom.new_value)
    else:
        indices, old, new = atom
        count = max(np.size(axis) for axis in indices)
        full = tuple(np.broadcast_to(np.ravel(axis), count) for axis in indices)
    count = len(full[0])
    return full, np.broadcast_to(np.ravel(old), count), np.broadcast_to(np.ravel(new), count)


def _indices(
    region: Any, shape: tuple[int, ...], changed: NDArray[np.bool_]
) -> tuple[NDArray[Any], ...]:
    """Place in the array of each changed pixel of a region of slices and whole numbers."""
    given = region if isinstance(region, tuple) else (region,)
    given = (*given, *([slice(None)] * (len(shape) - len(given))))
    found = iter(np.nonzero(changed))
    count = int(np.count_nonzero(changed))
    indices = []
    for part, side in zip(given, shape, strict=True):
        if isinstance(part, slice):
            start, _, step = part.indices(side)
            indices.append(start + step * next(found))
        else:
            indices.append(np.full(count, part))
    return tuple(indices)
