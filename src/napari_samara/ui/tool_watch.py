"""Tells which layer is active in a viewer and in which mode, whoever changes either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class ToolWatch:
    """Listens to the active layer of a viewer and to its mode.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Watched until `close`.
    """

    changed = Signal(object, str)
    """Active layer, or None, and the name of its mode."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._selection = viewer.layers.selection
        self._layer: Layer | None = None
        self._selection.events.active.connect(self._on_active)
        self._listen()

    def tell(self) -> None:
        """Emit what is so now."""
        layer = self._layer
        self.changed.emit(layer, str(getattr(layer, "mode", "")) if layer is not None else "")

    def close(self) -> None:
        """Listen no more."""
        self._selection.events.active.disconnect(self._on_active)
        self._let_go()

    def _on_active(self, *_: Any) -> None:
        self._listen()
        self.tell()

    def _listen(self) -> None:
        self._let_go()
        active = self._selection.active
        if active is not None and hasattr(active.events, "mode"):
            active.events.mode.connect(self._on_mode)
            self._layer = active

    def _let_go(self) -> None:
        if self._layer is not None:
            self._layer.events.mode.disconnect(self._on_mode)
            self._layer = None

    def _on_mode(self, *_: Any) -> None:
        self.tell()
