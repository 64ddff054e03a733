"""Which annotation is open in which viewer: for commands, which are given a viewer only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from psygnal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_samara.ui.annotator import Annotator

# By identity: viewers compare by value, and a command may be given a proxy of one.
_open: dict[int, tuple[ref[ViewerModel], Annotator]] = {}


class _Events:
    """Tells dock widgets of annotations that a script has begun."""

    opened = Signal(object, object)


events = _Events()
"""``opened(viewer, annotator)``, the viewer itself."""


def register(viewer: ViewerModel, begin: Callable[[], Annotator]) -> Annotator:
    """Begin an annotation in a viewer; one that is open there is closed first.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where.
    begin : callable
        Makes the annotator.

    Returns
    -------
    Annotator
        The new one.
    """
    viewer = bare(viewer)
    old = annotator_of(viewer)
    if old is not None:
        old.close()
    made = begin()
    _open[id(viewer)] = (ref(viewer), made)
    made.closed.connect(lambda: _forget(viewer, made))
    events.opened.emit(viewer, made)
    return made


def annotator_of(viewer: ViewerModel) -> Annotator | None:
    """Annotation that is open in a viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Any.

    Returns
    -------
    Annotator or None
        None where there is none.
    """
    known, found = _open.get(id(bare(viewer)), (None, None))
    return found if known is not None and known() is bare(viewer) else None


def bare(viewer: ViewerModel) -> ViewerModel:
    """Return the viewer itself where a proxy of it is given.

    napari gives plugins a proxy, another one each time, whose layers are proxies in part: neither
    a viewer nor a layer is then the same object as the one it is compared with.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        As napari gives it.

    Returns
    -------
    napari.components.ViewerModel
        That all others mean as well.
    """
    return getattr(viewer, "__wrapped__", viewer)


def _forget(viewer: ViewerModel, made: Annotator) -> None:
    """Drop an annotation that has ended."""
    if annotator_of(viewer) is made:
        del _open[id(bare(viewer))]
