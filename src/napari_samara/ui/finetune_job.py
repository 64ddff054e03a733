"""One fine-tuning run in a worker, and where its checkpoint goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_samara.errors import CancelledError
from napari_samara.ui.offers import look_at_machine, own_offer
from napari_samara.ui.own_checkpoints import keep_own

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor
    from napari_samara.settings import FinetuneSettings
    from napari_samara.training.finetune_progress import Finetuned, Progress
    from napari_samara.ui.finetune_data import TrainingData
    from napari_samara.ui.offers import Offer

FOLDER = "checkpoints"
"""Below the folder of the annotations, which the user can see."""

# As the training names it; importing that imports torch.
_STATE = "finetune-state.pt"


class FinetuneJob:
    """One run in a worker.

    Parameters
    ----------
    data : TrainingData
        What is learned from.
    predictor : Predictor
        The checkpoint to begin with.
    folder : Path
        Of the new one.
    settings : FinetuneSettings
        How.
    told : callable
        Takes every `Progress`, in the worker.
    kept : callable
        Takes the `Offer` of the new checkpoint once it is there, in the worker; each time that its
        figures change.
    """

    def __init__(
        self,
        data: TrainingData,
        predictor: Predictor,
        folder: Path,
        settings: FinetuneSettings,
        told: Callable[[Progress], object],
        kept: Callable[[Offer], object],
    ) -> None:
        self._given = (data, predictor, folder, settings)
        self._told, self._kept = told, kept
        self._best: float | None = None
        self.cancelled = False
        self._left = False

    def run(self) -> Finetuned:
        """Train; in a worker.

        Returns
        -------
        Finetuned
            As `samara.finetune` returns it.

        Raises
        ------
        SamaraError
            As it raises; a `CancelledError` after `leave`.
        """
        from napari_samara import api

        data, predictor, folder, settings = self._given
        found = api.finetune(
            data.images,
            data.labels,
            predictor,
            folder,
            settings,
            self._progress,
            self._asked,
            resume=can_continue(folder),
        )
        self._keep(found.best)
        return found

    def cancel(self) -> None:
        """End after this step, with one more look at the held-out objects."""
        self.cancelled = True

    def leave(self) -> None:
        """End after this step; the best that was written stays."""
        self._left = True

    def _asked(self) -> bool:
        if self._left:
            raise CancelledError("training has ended with its window; the best so far is kept")
        return self.cancelled

    def _progress(self, at: Progress) -> None:
        if self._best is None or at.score > self._best:
            if at.step:
                self._keep(at)
            self._best = at.score
        self._told(at)

    def _keep(self, at: Progress) -> None:
        """Offer what was written, at the next start as well."""
        folder = self._given[2]
        if at.step:
            keep_own(folder)
            (offer,) = look_at_machine((own_offer(folder),)).offers
            self._kept(offer)


def can_continue(folder: Path) -> bool:
    """Whether a run in a folder was interrupted.

    Parameters
    ----------
    folder : Path
        Of the new checkpoint.

    Returns
    -------
    bool
        Nothing is read.
    """
    return (folder / _STATE).is_file()


def free_name(root: Path, name: str) -> str:
    """Name of a folder that is not there yet.

    Parameters
    ----------
    root : Path
        Where it is to be.
    name : str
        Of an image, with anything in it.

    Returns
    -------
    str
        Made of letters, digits, dots, dashes and underscores.
    """
    stem = re.sub(r"[^\w.-]+", "-", name.strip())[:40].strip("-.") or "image"
    number = 1
    while (root / f"{stem}-finetuned-{number}").exists():
        number += 1
    return f"{stem}-finetuned-{number}"
