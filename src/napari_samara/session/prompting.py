"""The half of a session that touches no label: what is looked at, and the open object."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari_samara.errors import ImageError, SessionError
from napari_samara.prompts import PromptSet
from napari_samara.session.base import SessionBase
from napari_samara.session.change import Change
from napari_samara.session.decoder import LIVE
from napari_samara.session.draft import MODES
from napari_samara.session.events import Status
from napari_samara.session.objects import OpenObject
from napari_samara.session.request import upright
from napari_samara.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.intensity import Contrast
    from napari_samara.masks import Mask
    from napari_samara.planes import Plane
    from napari_samara.prompts import Prompt
    from napari_samara.session.embeddings import PredictorLike
    from napari_samara.settings import PredictSettings


class PromptingSession(SessionBase):
    """A session in which prompts are given and candidates looked at; see `Session`."""

    # What is looked at

    @property
    def plane(self) -> Plane:
        """The plane looked at, as it is shown; settable, see `set_plane`."""
        return self._plane

    @plane.setter
    def plane(self, plane: Plane) -> None:
        self.set_plane(plane)

    def set_plane(self, plane: Plane) -> None:
        """Look at another plane; nothing is encoded unless it has prompts.

        Parameters
        ----------
        plane : Plane
            Rows may run along the later axis: masks then come transposed as well.

        Raises
        ------
        ImageError
            If it does not lie in the image.
        """
        if plane.ndim != len(self._shape):
            raise ImageError(f"{plane} belongs to another image than one of shape {self._shape}")
        plane.size(self._shape)
        if plane != self._plane:
            self._plane = plane
            self._update()
            self._tell_candidates()
            self.events.stale.emit(self.stale)

    @property
    def predictor(self) -> PredictorLike:
        """The model; settable, then everything is encoded and decoded anew."""
        return self._predictor

    @predictor.setter
    def predictor(self, predictor: PredictorLike) -> None:
        if predictor.checkpoint is None or self._predictor.checkpoint is None:
            self._memory = MemoryStore()  # keys do not tell weights without a digest apart
        self._predictor = predictor
        self._decoder.embeddings = self._embeddings()
        self._decoder.encoded.clear()
        self._update()
        self.events.stale.emit(self.stale)

    @property
    def contrast(self) -> Contrast:
        """How intensities become what the model sees; settable.

        A plane that is encoded stays with its contrast, and `stale` says so, until `encode`.
        """
        return self._contrast

    @contrast.setter
    def contrast(self, contrast: Contrast) -> None:
        self._contrast = contrast
        self._update()
        self.events.stale.emit(self.stale)

    @property
    def settings(self) -> PredictSettings:
        """Threshold and clean-up of masks; settable, then prompts are decoded anew."""
        return self._settings

    @settings.setter
    def settings(self, settings: PredictSettings) -> None:
        self._settings = settings
        self._update()

    @property
    def mode(self) -> str:
        """What accept may write over, settable.

        ``"keep"``: nothing.  ``"overwrite"``: any label.  ``"overwrite-unaccepted"``: labels that
        were there before and are not objects of this session.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in MODES:
            raise SessionError(f"mode {mode!r} is none of {', '.join(MODES)}")
        self._mode = mode

    @property
    def stale(self) -> bool:
        """Whether the current plane was encoded with another contrast than `contrast`."""
        return self._decoder.encoded.get(self._plane, self._contrast) != self._contrast

    @property
    def status(self) -> Status:
        """What is going on."""
        return self._status

    def encode(self) -> None:
        """Encode the current plane with the contrast that is set, and decode its prompts anew.

        Raises
        ------
        SamaraError
            What reading and encoding raise, with the inline runner; otherwise `status` tells.
        """
        plane, contrast, embeddings = self._plane, self._contrast, self._decoder.embeddings

        def done(_: object) -> None:
            self._decoder.encoded[plane] = contrast
            self._on_status(Status())
            self._update()
            self.events.stale.emit(self.stale)

        self._decoder.cancel()
        self._decoder.submit(LIVE, lambda report: embeddings.get(plane, contrast, report), done)

    def encoder_input(self) -> NDArray[np.uint8]:
        """Return the current plane as the model sees it, uint8 (rows, cols, 3)."""
        return self.encoder_reader()()

    def encoder_reader(self) -> Callable[[], NDArray[np.uint8]]:
        """Return what reads `encoder_input` as it is now; may be called in any thread."""
        encoded = self._decoder.encoded.get(self._plane, self._contrast)
        return partial(self._decoder.embeddings.encoder_input, self._plane, encoded)

    # The open object

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
        self._open(name, replace(self._opened, prompts=prompts))

    def _open(self, name: str, opened: OpenObject) -> None:
        """Change the open object, which no label depends on, as one step."""
        self._settle()
        if opened != self._opened:
            self._commit(Change(name, (self._opened, opened)), self._history.push)
