"""One fine-tuning run from its data to its folder, begun or gone on with."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.errors import TrainingError
from napari_samara.settings import FinetuneSettings
from napari_samara.training.examples import examples, split
from napari_samara.training.finetune import Finetuner
from napari_samara.training.finetune_files import require_new_folder, write_finetuned
from napari_samara.training.finetune_state import (
    check_same,
    forget_run,
    identity_of,
    read_run,
    settings_of,
    write_run,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from napari_samara.engine.predictor import Predictor
    from napari_samara.training.examples import Split
    from napari_samara.training.finetune_progress import Finetuned, Progress

CANCELLED = "cancelled"
"""`Finetuned.stopped` of a run that can be gone on with."""


@dataclass(frozen=True)
class FinetuneRun:
    """Data, folder and settings that are checked; only the model is still to come.

    Attributes
    ----------
    split : Split
        What is learned from.
    folder : Path
        Of the new checkpoint.
    settings : FinetuneSettings
        How.
    state : dict or None
        Where an interrupted run was; None for a new one.
    """

    split: Split
    folder: Path
    settings: FinetuneSettings
    state: dict[str, Any] | None = None

    @classmethod
    def prepare(
        cls,
        images: Any,
        labels: Any,
        out: str | os.PathLike[str],
        settings: FinetuneSettings | None,
        resume: bool = False,
    ) -> FinetuneRun:
        """Read the data and look at the folder, before a model is loaded.

        Parameters
        ----------
        images, labels : array_like, path-like, or list of them
            As for `examples`.
        out : path-like
            Folder of the new checkpoint.
        settings : FinetuneSettings or None
            None for the defaults, or for those of the run that is gone on with.
        resume : bool
            Whether to go on with the run in the folder.

        Returns
        -------
        FinetuneRun
            Ready to run.

        Raises
        ------
        ImageError, FileFormatError, FileNotFoundError
            As for `examples`.
        TrainingError
            If there are fewer than two objects, or no run to go on with.
        CheckpointError
            If the interrupted run cannot be read.
        OutputError
            If the folder of a new run holds something or cannot be written.
        """
        folder = Path(out).expanduser()
        state = read_run(folder) if resume else None
        if settings is None:
            settings = settings_of(state) if state is not None else FinetuneSettings()
        divided = split(examples(images, labels), settings.validation, settings.seed)
        if state is None:
            require_new_folder(folder)
        return cls(divided, folder, settings, state)

    def run(
        self,
        predictor: Predictor,
        progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Finetuned:
        """Train, and write the checkpoint whenever it became better.

        Parameters
        ----------
        predictor : Predictor
            The checkpoint to begin with.
        progress, cancelled : callable, optional
            As for `Finetuner.run`.

        Returns
        -------
        Finetuned
            ``best`` is what was written.

        Raises
        ------
        TrainingError
            If no step was better than the checkpoint, or this is not the run that was interrupted.
        OutputError
            If the folder cannot be written any more; what was written before stays.
        """
        identity = identity_of(predictor, self.split)
        if self.state is not None:
            check_same(self.state, self.settings, identity)
        trainer = Finetuner(predictor, self.split, self.settings)
        if self.state is not None:
            trainer.restore(self.state["training"])

        def write(found: Finetuned) -> None:
            write_finetuned(self.folder, found, predictor, self.split, self.settings)

        def looked(training: dict[str, Any]) -> None:
            write_run(self.folder, training, self.settings, identity)

        found = trainer.run(progress, cancelled, write, looked)
        if found.best.step:
            write(found)
        if found.stopped != CANCELLED:
            forget_run(self.folder)
        if not found.best.step:
            raise TrainingError(self._no_gain(found))
        return found

    def _no_gain(self, found: Finetuned) -> str:
        """Say that nothing was written; an empty folder goes."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        ended = "" if found.stopped != CANCELLED else " yet, and resuming goes on"
        return (
            "no step was better than the checkpoint on the held-out objects (mean IoU "
            f"{found.best.score:.3f}){ended}: nothing was written; give more objects or more time"
        )
