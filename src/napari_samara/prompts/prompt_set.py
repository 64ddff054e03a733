"""Prompt sets: the ordered prompts of all objects of one annotation."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import PromptError
from napari_samara.prompts.base import Prompt
from napari_samara.prompts.inputs import PromptInputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from napari_samara.planes import Plane


@dataclass(frozen=True, init=False)
class PromptSet:
    """Prompts in the order they were given, each with the id of its object; never changes.

    Parameters
    ----------
    prompts : iterable of Prompt
        All of one object.
    object_id : int
        Its id, 1 or more.

    Attributes
    ----------
    entries : tuple of (int, Prompt)
        Object id and prompt.

    Raises
    ------
    PromptError
        If an id is not a whole number from 1 up or something is not a prompt.
    """

    entries: tuple[tuple[int, Prompt], ...]

    def __init__(self, prompts: Iterable[Prompt] = (), object_id: int = 1) -> None:
        """Check and keep the prompts."""
        entries = tuple((_object_id(object_id), _a_prompt(prompt)) for prompt in prompts)
        object.__setattr__(self, "entries", entries)

    @classmethod
    def from_entries(cls, entries: Iterable[tuple[int, Prompt]]) -> PromptSet:
        """Set of prompts that each bring the id of their object.

        Parameters
        ----------
        entries : iterable of (int, Prompt)
            In order.

        Returns
        -------
        PromptSet
            In the same order.

        Raises
        ------
        PromptError
            As for the class.
        """
        made = cls()
        checked = tuple((_object_id(number), _a_prompt(prompt)) for number, prompt in entries)
        object.__setattr__(made, "entries", checked)
        return made

    @classmethod
    def from_objects(cls, objects: Mapping[int, Iterable[Prompt]]) -> PromptSet:
        """Set of several objects.

        Parameters
        ----------
        objects : mapping of int to iterable of Prompt
            Prompts by object id.

        Returns
        -------
        PromptSet
            Object after object.

        Raises
        ------
        PromptError
            As for the class.
        """
        return cls.from_entries(
            (number, prompt) for number, prompts in objects.items() for prompt in prompts
        )

    @property
    def objects(self) -> dict[int, tuple[Prompt, ...]]:
        """Prompts by object id, objects in the order they first appear."""
        return dict(self._groups)

    def add(self, prompt: Prompt, object_id: int = 1) -> PromptSet:
        """Set with one more prompt at the end.

        Parameters
        ----------
        prompt : Prompt
            The new one.
        object_id : int
            Object it belongs to.

        Returns
        -------
        PromptSet
            This one stays as it is.

        Raises
        ------
        PromptError
            As for the class.
        """
        return self.from_entries([*self.entries, (object_id, prompt)])

    def remove(self, position: int) -> PromptSet:
        """Set without one prompt.

        Parameters
        ----------
        position : int
            Which one, in the order of the set.

        Returns
        -------
        PromptSet
            This one stays as it is.

        Raises
        ------
        PromptError
            If there is no such prompt.
        """
        entries = list(self.entries)
        del entries[self._position(position)]
        return self.from_entries(entries)

    def replace(self, position: int, prompt: Prompt) -> PromptSet:
        """Set with another prompt in the place of one; it keeps the object.

        Parameters
        ----------
        position : int
            Which one, in the order of the set.
        prompt : Prompt
            What stands there now.

        Returns
        -------
        PromptSet
            This one stays as it is.

        Raises
        ------
        PromptError
            If there is no such prompt.
        """
        entries = list(self.entries)
        place = self._position(position)
        entries[place] = (entries[place][0], prompt)
        return self.from_entries(entries)

    def by_plane(self, shape: Sequence[int]) -> dict[Plane, PromptSet]:
        """Prompts of each plane of an image.

        Parameters
        ----------
        shape : sequence of int
            Shape of the image, an RGB axis left out.

        Returns
        -------
        dict of Plane to PromptSet
            Planes in the order they first appear.

        Raises
        ------
        PromptError
            If a prompt does not lie in the image.
        """
        found: dict[Plane, list[tuple[int, Prompt]]] = {}
        for number, prompt in self.entries:
            found.setdefault(prompt.plane(shape), []).append((number, prompt))
        return {plane: self.from_entries(entries) for plane, entries in found.items()}

    def inputs(self, object_id: int, shape: tuple[int, int]) -> PromptInputs:
        """Points, box and mask that all prompts of one object give the model.

        Parameters
        ----------
        object_id : int
            Which object.
        shape : tuple of int
            (rows, cols) of the plane.

        Returns
        -------
        PromptInputs
            One box around all boxes, one union of all masks.

        Raises
        ------
        PromptError
            If the object has no prompt, has some in several planes, or one lies outside.
        """
        prompts = self._groups.get(object_id, ())
        if len({tuple(prompt.fixed.items()) for prompt in prompts}) > 1:
            raise PromptError(
                f"object {object_id} has prompts in several planes; take one with by_plane first"
            )
        return PromptInputs.merged(prompt.inputs(shape) for prompt in prompts)

    def __len__(self) -> int:
        """Count the prompts of all objects."""
        return len(self.entries)

    def __iter__(self) -> Iterator[Prompt]:
        """Iterate over the prompts of all objects, in order."""
        return (prompt for _, prompt in self.entries)

    def __getitem__(self, position: int) -> Prompt:
        """Prompt at one place of the order."""
        return self.entries[position][1]

    @cached_property
    def _groups(self) -> dict[int, tuple[Prompt, ...]]:
        """Prompts by object id; kept, since a loop over many objects asks for it each time."""
        found: dict[int, list[Prompt]] = {}
        for number, prompt in self.entries:
            found.setdefault(number, []).append(prompt)
        return {number: tuple(prompts) for number, prompts in found.items()}

    def _position(self, position: int) -> int:
        """`position`, checked."""
        if not -len(self) <= operator.index(position) < len(self):
            raise PromptError(f"there is no prompt {position} in a set of {len(self)}")
        return position


def _object_id(value: Any) -> int:
    """Object id, checked."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise PromptError(f"an object id is a whole number from 1 up, got {value!r}")
    return int(value)


def _a_prompt(value: Any) -> Prompt:
    """`value`, checked to be a prompt."""
    if not isinstance(value, Prompt):
        raise PromptError(
            f"{value!r:.80} is no prompt; make one with point(row, col), box(row0, col0, row1, "
            "col1), scribble, polygon or mask"
        )
    return value
