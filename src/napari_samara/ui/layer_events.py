"""Events of napari's list of layers that older releases have under another name, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def changes_of(events: Any) -> tuple[Any, ...]:
    """Events after which a list of layers has other layers or other names.

    Parameters
    ----------
    events : napari.utils.events.EmitterGroup
        Of the list.

    Returns
    -------
    tuple
        Each with `connect` and `disconnect`.
    """
    renamed = events.renamed if "renamed" in events.emitters else _Renamed(events)
    return events.inserted, events.removed, renamed


class _Renamed:
    """Picks new names from all that the layers tell, where the list does not (napari 0.6)."""

    def __init__(self, events: Any) -> None:
        self._events = events
        self._told: dict[Callable[..., object], Callable[[Any], None]] = {}

    def connect(self, slot: Callable[..., object]) -> None:
        """Call a function after each new name."""

        def told(event: Any) -> None:
            if event.type == "name":
                slot(event)

        self._told[slot] = told
        self._events.connect(told)

    def disconnect(self, slot: Callable[..., object]) -> None:
        """Call it no longer."""
        told = self._told.pop(slot, None)
        if told is not None:
            self._events.disconnect(told)
