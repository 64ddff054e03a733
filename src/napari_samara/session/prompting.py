"""The open object of a session: its prompts, and the candidates they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_samara.errors import SessionError
from napari_samara.prompts import PromptSet
from napari_samara.session.change import Change
from napari_samara.session.objects import OpenObject
from napari_samara.session.request import upright
from napari_samara.session.viewing import ViewingSession

if TYPE_CHECKING:
    from napari_samara.masks import Mask
    from napari_samara.prompts import Prompt


class PromptingSession(ViewingSession):
    """A session in which prompts are given and candidates looked at; see `Session`."""

    @property
    def prompts(self) -> PromptSet:
        """Prompts of the open object, all with object id 1."""
        return self._opened.prompts

    @property
    def open_label(self) -> int | None:
        """Label of the object that was reopened; None for a new one."""
        return self._opened.label

    def add(self, prompt: Prompt) -> None:
        """Give the open object one more prompt; the plane it lies in becomes the current one.

        Parameters
        ----------
        prompt : Prompt
            In data coordinates of the image.

        Raises
        ------
        PromptError
            If it does not lie in the image; nothing changes then.
        """
        self._settle()
        self._set_prompts("add prompt", self.prompts.add(prompt), prompt)

    def remove(self, position: int) -> None:
        """Take a prompt away.

        Parameters
        ----------
        position : int
            In `prompts`.

        Raises
        ------
        PromptError
            If there is no such prompt.
        """
        self._settle()
        self._set_prompts("remove prompt", self.prompts.remove(position))

    def replace(self, position: int, prompt: Prompt) -> None:
        """Put a prompt in the place of another, that it was moved from for instance.

        Parameters
        ----------
        position : int
            In `prompts`.
        prompt : Prompt
            The new one.

        Raises
        ------
        PromptError
            If there is no such prompt, or the new one does not lie in the image.
        """
        self._settle()
        self._set_prompts("move prompt", self.prompts.replace(position, prompt), prompt)

    def set_prompts(self, prompts: PromptSet) -> None:
        """Give the open object other prompts, all as one step; equal ones change nothing.

        Parameters
        ----------
        prompts : PromptSet
            All are taken as prompts of one object.

        Raises
        ------
        PromptError
            If one does not lie in the image; nothing changes then.
        """
        self._settle()
        self._set_prompts("set prompts", PromptSet(prompts))

    def clear(self) -> None:
        """Take all prompts away; a reopened object stays as it was accepted."""
        self._open("clear prompts", OpenObject())

    @property
    def candidates(self) -> tuple[Mask, ...]:
        """Masks of the open object on the current plane, best predicted IoU first."""
        answer = self._decoder.answer(self._plane)
        return answer.masks if answer is not None else ()

    @property
    def choice(self) -> int:
        """Number of the chosen candidate."""
        return self._choice()

    @property
    def candidate(self) -> Mask | None:
        """The chosen candidate; None where there is none."""
        return self.candidates[self.choice] if self.candidates else None

    def choose(self, number: int) -> None:
        """Choose one of the candidates.

        Parameters
        ----------
        number : int
            From 0 up.

        Raises
        ------
        SessionError
            If there is no such candidate.
        """
        self._settle()
        if not 0 <= number < len(self.candidates):
            raise SessionError(f"there is no candidate {number} of {len(self.candidates)}")
        if number != self.choice:
            self._open("choose", self._opened.choosing(upright(self._plane), int(number)))

    def cycle(self, step: int = 1) -> None:
        """Choose the next candidate, after the last the first; nothing where there is none.

        Parameters
        ----------
        step : int
            How many to go on, or back.
        """
        self._settle()
        if self.candidates:
            self.choose((self.choice + step) % len(self.candidates))

    def _set_prompts(self, name: str, prompts: PromptSet, new: Prompt | None = None) -> None:
        """Open the same object with other prompts."""
        for prompt in set(prompts) - set(self.prompts):
            self._check(prompt)
        if new is not None and new.plane(self._shape) != upright(self._plane):
            self.set_plane(new.plane(self._shape))
        before, after = (given.by_plane(self._shape) for given in (self.prompts, prompts))
        changed = {at for at in {*before, *after} if before.get(at) != after.get(at)}
        self._open(name, self._opened.prompted(prompts, changed, self._view))

    def _open(self, name: str, opened: OpenObject) -> None:
        """Change the open object, which no label depends on, as one step."""
        self._settle()
        if opened != self._opened:
            self._commit(Change(name, (self._opened, opened)), self._history.push)
