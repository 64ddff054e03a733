"""Prompts of the session and prompts in the layers, kept alike in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_samara.prompts import PromptSet
from napari_samara.ui.drawn import is_drawn, pairs, without
from napari_samara.ui.seen import seen_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.planes import Plane
    from napari_samara.prompts import Prompt
    from napari_samara.session import Session
    from napari_samara.ui.layer_set import LayerSet


class PromptSync:
    """Compares what is drawn in the plane with the open object, and passes on what differs.

    Prompts of other planes, and masks, which are not drawn, stay with the object.

    Parameters
    ----------
    session : Session
        Has the open object.
    layers : LayerSet
        Where prompts are drawn.
    attempt : callable
        Calls a verb of the session; a refusal becomes a message.
    """

    switched = Signal(bool)
    """Each prompt is an object of its own from now on, or all are prompts of one."""

    def __init__(self, session: Session, layers: LayerSet, attempt: Callable[..., bool]) -> None:
        self.session, self.layers, self._attempt = session, layers, attempt
        self._drawn: list[Prompt] = []
        self._seeded: list[Prompt] = []
        self.each = False

    def set_each(self, each: bool) -> None:
        """Begin or end to take each prompt for an object of its own.

        Parameters
        ----------
        each : bool
            What is drawn stays drawn and is looked at in the new way.
        """
        if each == self.each:
            return
        self._switch(each)
        if each:
            self._drawn = without(self._drawn, self._read())
            self.session.clear()
        else:
            self._seeded = []
            self.session.many(PromptSet(), undoable=True)
        self.from_layers()

    def begin(self) -> None:
        """Draw what the session has, and give it what is drawn already."""
        self.to_layers(self.session.prompts)
        self.seeds_to_layers(self.session.seeds)
        if self.each and len(self.session.prompts):
            self.session.clear()  # they are drawn, and become objects of their own
        self.from_layers()

    def from_layers(self) -> None:
        """Make the prompts of the session those that are drawn."""
        drawn = self._read()
        plane = self.session.plane
        if self.session.crop == "view":  # for the prompts that are new now
            self.session.view = seen_part(self.layers.binding, plane)
        if self.each:
            self._seed(drawn, plane)
            return
        own = list(self.session.prompts)
        partners = pairs(own, drawn)
        kept = [
            prompt
            for at, prompt in enumerate(own)
            if at in partners
            or not is_drawn(prompt)
            or prompt.plane(self.layers.binding.shape) != plane
        ]
        gone = set(partners.values())
        new = [prompt for at, prompt in enumerate(drawn) if at not in gone]
        prompts = [*kept, *self._new(new, kept)]
        self._drawn = [prompt for prompt in prompts if is_drawn(prompt)]
        self._attempt(self.session.set_prompts, PromptSet(prompts))

    def _seed(self, drawn: list[Prompt], plane: Plane) -> None:
        """Look for one object for each prompt that is drawn in the plane."""
        shape = self.layers.binding.shape
        known = [prompt for prompt in self.session.seeds if prompt.plane(shape) == plane]
        if len(known) == len(drawn) and not without(drawn, known):
            return  # they went to the layers and came back
        objects = {number: [prompt] for number, prompt in enumerate(drawn, start=1)}
        self._seeded = drawn
        self._attempt(self.session.many, PromptSet.from_objects(objects), True)

    def _read(self) -> list[Prompt]:
        """Prompts drawn in the plane, points first."""
        plane = self.session.plane
        return [prompt for drawing in self.layers.drawings for prompt in drawing.read(plane)]

    def _new(self, drawn: list[Prompt], kept: list[Prompt]) -> list[Prompt]:
        """Prompts drawn in this plane, without points that were set in a plane across it."""
        across = {prompt.at for prompt in kept if hasattr(prompt, "at")}
        return [prompt for prompt in drawn if getattr(prompt, "at", None) not in across]

    def to_layers(self, prompts: PromptSet) -> None:
        """Draw the prompts of the session where they differ from what is drawn.

        Parameters
        ----------
        prompts : PromptSet
            Of the open object.
        """
        if self.each:
            if not len(prompts):
                return
            self._switch(False)  # undo has gone back to one object
        wanted = [prompt for prompt in prompts if is_drawn(prompt)]
        self._draw([*self._drawn, *self._seeded], wanted)
        self._drawn, self._seeded = wanted, []

    def seeds_to_layers(self, seeds: PromptSet) -> None:
        """Draw what many objects are looked for with, where it differs from what is drawn.

        Parameters
        ----------
        seeds : PromptSet
            Of any number of objects.
        """
        wanted = [prompt for prompt in seeds if is_drawn(prompt)]
        if not self.each:
            if not wanted:
                return
            self._switch(True)  # undo has gone back to many objects
        if wanted != self._seeded:
            self._draw(self._seeded, wanted)
            self._seeded = wanted

    def _switch(self, each: bool) -> None:
        self.each = each
        self.switched.emit(each)

    def _draw(self, drawn: list[Prompt], wanted: list[Prompt]) -> None:
        """Rub out what is no longer wanted and draw what is not there yet."""
        removed, added = without(drawn, wanted), without(wanted, drawn)
        for drawing in self.layers.drawings:
            drawing.update(removed, added)
