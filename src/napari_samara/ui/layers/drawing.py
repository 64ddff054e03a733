"""What Points and Shapes layers have in common as sources of prompts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_samara.ui.drawn import pairs, touches
from napari_samara.ui.layers.signs import NEGATIVE, POSITIVE, SIGN, add_sign, signs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.components import Dims
    from napari.layers import Points, Shapes

    from napari_samara.planes import Plane
    from napari_samara.prompts import Prompt
    from napari_samara.ui.binding import ImageBinding
    from napari_samara.ui.layers.signs import Look

# A move is told once, when the mouse is let go; the -ing actions come before the change.
_DONE = {"added", "removed", "changed"}


class Drawing(ABC):
    """The items of a layer as prompts; subclasses know points and shapes.

    Parameters
    ----------
    layer : Points or Shapes
        The user's own or one made for the purpose; held by reference.
    binding : ImageBinding
        The image that the items lie on.
    dims : napari.components.Dims
        Of the viewer.

    """

    changed = Signal()

    def __init__(self, layer: Points | Shapes, binding: ImageBinding, dims: Dims) -> None:
        self.layer, self.binding, self.dims = layer, binding, dims
        self._flip = False
        self._quiet = False
        add_sign(layer)
        self.dress()
        self.positive = True
        self._count, self._told = len(layer.data), signs_of(layer)
        layer.events.data.connect(self._on_data)
        layer.events.features.connect(self._on_features)
        layer.mouse_drag_callbacks.append(self._on_press)

    @property
    def positive(self) -> bool:
        """Sign of what is drawn next."""
        return self._positive

    @positive.setter
    def positive(self, positive: bool) -> None:
        self._positive = positive
        self._dress_next()

    def _dress_next(self) -> None:
        """Have the next item look as its sign from the start, and napari's controls say so."""
        with self.layer.block_update_properties():  # what is selected keeps its own
            self._take(POSITIVE if self._positive else NEGATIVE)

    @abstractmethod
    def _take(self, look: Look) -> None:
        """Draw with a look from now on."""

    @abstractmethod
    def items(self, plane: Plane) -> list[tuple[int, Prompt]]:
        """Prompts in a plane and where in the layer they are drawn.

        Parameters
        ----------
        plane : Plane
            Items elsewhere are left out.

        Returns
        -------
        list of (int, Prompt)
            In the order of the layer.
        """

    @abstractmethod
    def draws(self, prompt: Prompt) -> bool:
        """Whether this kind of prompt is drawn in this kind of layer.

        Parameters
        ----------
        prompt : Prompt
            Of any kind.
        """

    @abstractmethod
    def dress(self) -> None:
        """Show the sign of each item."""

    @abstractmethod
    def _append(self, prompts: Sequence[Prompt]) -> None:
        """Draw prompts at the end of the layer."""

    def close(self) -> None:
        """Let go of the layer; it keeps what is drawn in it."""
        self.layer.events.data.disconnect(self._on_data)
        self.layer.events.features.disconnect(self._on_features)
        if self._on_press in self.layer.mouse_drag_callbacks:
            self.layer.mouse_drag_callbacks.remove(self._on_press)

    def read(self, plane: Plane) -> list[Prompt]:
        """Prompts in a plane; those beside the image are left out.

        Parameters
        ----------
        plane : Plane
            Items elsewhere are left out.

        Returns
        -------
        list of Prompt
            In the order of the layer.
        """
        size = plane.size(self.binding.shape)
        return [prompt for _, prompt in self.items(plane) if touches(prompt, size)]

    def update(self, removed: Sequence[Prompt], added: Sequence[Prompt]) -> None:
        """Rub out some prompts and draw others; the rest of the layer stays as it is.

        Parameters
        ----------
        removed, added : sequence of Prompt
            Kinds that are not drawn in this layer are passed over.
        """
        removed = [prompt for prompt in removed if self.draws(prompt)]
        added = [prompt for prompt in added if self.draws(prompt)]
        if not removed and not added:
            return
        with self._silent():
            rows = self._rows_of(removed)
            if rows:
                self.layer.selected_data = rows
                self.layer.remove_selected()
            if added:
                before = len(self.layer.data)
                self._append(added)
                signs = signs_of(self.layer)
                signs[before:] = [bool(getattr(prompt, "positive", True)) for prompt in added]
                self.layer.features[SIGN] = signs
            self.layer.selected_data = set()
            self.dress()
            self._dress_next()
            self._count, self._told = len(self.layer.data), signs_of(self.layer)

    @contextmanager
    def _silent(self) -> Iterator[None]:
        """Change the layer without telling of it."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _rows_of(self, prompts: Sequence[Prompt]) -> set[int]:
        """Items of the layer that draw prompts."""
        rows: set[int] = set()
        by_plane: dict[Plane, list[Prompt]] = {}
        for prompt in prompts:
            by_plane.setdefault(prompt.plane(self.binding.shape), []).append(prompt)
        for plane, wanted in by_plane.items():
            items = self.items(plane)
            found = pairs(wanted, [item for _, item in items])
            rows |= {items[place][0] for place in found.values()}
        return rows

    def _on_press(self, layer: Any, event: Any) -> None:
        """Remember whether what is drawn by this click asks for the other sign."""
        self._flip = "Control" in event.modifiers

    def _on_data(self, event: Any) -> None:
        """Give new items their sign and look, and tell of the change."""
        action = str(getattr(event, "action", "changed")).lower()
        if self._quiet or action not in _DONE:
            return
        if action == "added":
            signs = signs_of(self.layer)
            # all are at the end; the event of napari 0.6.0 counts a point's numbers, not points
            signs[self._count :] = self.positive != self._flip
            self._flip = False
            with self._silent():
                self.layer.features[SIGN] = signs
        self._count = len(self.layer.data)
        self._tell()

    def _on_features(self) -> None:
        """Follow a sign that was changed in the table; napari tells of it with each item, too."""
        if not self._quiet and not np.array_equal(signs_of(self.layer), self._told):
            self._tell()

    def _tell(self) -> None:
        """Show the signs and tell of a change."""
        self._told = signs_of(self.layer)
        self.dress()
        self.changed.emit()
