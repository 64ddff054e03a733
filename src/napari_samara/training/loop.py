"""The training loop: steps, optimiser, moving average, workers, save and resume."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_samara.errors import CheckpointError, SettingsError
from napari_samara.model.sam import ImageFeatures, SamModel
from napari_samara.training.curve import LOG
from napari_samara.training.dense import dense_loss
from napari_samara.training.fine_edges import FineEdges
from napari_samara.training.initialise import initialise
from napari_samara.training.prepared import Preparation, Prepared
from napari_samara.training.recipe import Recipe
from napari_samara.training.regions import joined_features
from napari_samara.training.rounds import Record, Rounds
from napari_samara.training.run_log import RunLog
from napari_samara.training.state import BEST, FILENAME, read_state, write_state
from napari_samara.training.views import Source, Views
from napari_samara.training.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_samara.training.validation import Judge

__all__ = ["Recipe", "Source", "Trainer", "initialise"]


class Trainer:
    """Trains a model from labelled images, on the device that it is on.

    Where torch.distributed is initialised, each of its workers makes one trainer: they start from
    the weights of the first, see different views and share their gradients; the first saves.

    Parameters
    ----------
    model : SamModel
        Trained in place.
    sources : sequence of Source
        What to draw from.
    recipe : Recipe
        How.
    folder : Path
        Where ``state.pt`` and ``log.jsonl`` are kept; `resume` continues a run found there.

    Attributes
    ----------
    average : SamModel
        Moving average of the weights, in evaluation mode: the model to use.
    step : int
        Steps done.

    Raises
    ------
    ImageError
        There is nothing to draw from.
    SettingsError
        The side of the views does not suit the model.
    """

    def __init__(
        self, model: SamModel, sources: Sequence[Source], recipe: Recipe, folder: Path
    ) -> None:
        size, patch = model.config.image_size, model.config.vision_config.patch_size
        if recipe.side > size or recipe.side % patch:
            raise SettingsError(
                f"views of {recipe.side} pixels do not suit this model: the side must be a "
                f"multiple of {patch} and at most {size}"
            )
        self.model, self.recipe, self.folder = model, recipe, folder
        widths = model.config.mask_decoder_config.skip_channels
        self.fine_edges = FineEdges(widths[-1]) if widths else None
        self.device = model.device
        if self.fine_edges is not None:
            self.fine_edges.to(self.device)
        self.workers = Workers.of_this_process()
        views = Views(sources, recipe.phantoms)
        self.preparation = Preparation(views, recipe, size, patch, self.workers.rank)
        self.workers.share(model.state_dict().values())
        if self.fine_edges is not None:
            self.workers.share(self.fine_edges.state_dict().values())
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            [
                {
                    "params": [p for p in self._parameters() if p.ndim > 1],
                    "weight_decay": recipe.weight_decay,
                },
                {"params": [p for p in self._parameters() if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
            betas=(0.9, 0.98),
            fused=self.device.type == "cuda",
        )
        self.step = 0

    def _parameters(self) -> list[nn.Parameter]:
        parts = [self.model] if self.fine_edges is None else [self.model, self.fine_edges]
        return [p for part in parts for p in part.parameters()]

    def run(
        self,
        seconds: float,
        save_every: float = 120.0,
        report: Callable[[dict[str, float]], None] | None = None,
        judge: Judge | None = None,
        processes: int = 0,
    ) -> None:
        """Train until the recipe, the time or the patience is used up; save on the way and then.

        Parameters
        ----------
        seconds : float
            Time to stop after.
        save_every : float
            Seconds between saves.
        report : callable, optional
            Receives mean losses some times a minute.
        judge : Judge, optional
            Looks at the averaged weights now and then and ends the run when it is exhausted; those
            it finds best are saved as ``best.pt``.
        processes : int
            That prepare steps ahead, for a device that would wait for them.

        Raises
        ------
        OutputError
            State or log cannot be written.
        """
        start = saved = time.monotonic()
        if judge is not None:
            judge.resume(self.folder / LOG, self.step)
        log = RunLog(self.folder / LOG, report, judge)
        ahead = self.preparation.steps(self.step, processes)
        while self.step < self.recipe.steps:
            if self.workers.agree(time.monotonic() - start >= seconds or log.exhausted):
                break
            figures = self.train_step(next(ahead))
            if self.workers.rank == 0 and log.add(self.step, figures, self.average):
                self.save(BEST)
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    def train_step(self, prepared: Prepared | None = None) -> dict[str, float]:
        """Do one step.

        Parameters
        ----------
        prepared : Prepared, optional
            What it learns from; made now if left out.

        Returns
        -------
        dict
            ``loss``, and the IoU reached as `Rounds.loss` names it.
        """
        given = prepared or self.preparation[self.step]
        self.model.train()
        record: Record = {}
        loss = self._loss(given, record)
        self._descend(loss)
        self._update_average()
        self.step += 1
        return {"loss": float(loss.detach()), **{k: float(np.mean(v)) for k, v in record.items()}}

    def _loss(self, given: Prepared, record: Record) -> Tensor:
        pixels = given.pixels.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            encoded = self.model.encode_any(pixels)
        skips = tuple(skip.float() for skip in encoded.skips)
        features = ImageFeatures(encoded.embedding.float(), skips)
        loss = features.embedding.new_zeros(())
        targets = given.targets.to(self.device)
        known = self.model.mask_decoder.instance_maps(features.skips)
        if known is not None:
            loss, iou = dense_loss(known, targets)
            loss = loss * self.recipe.dense_weight
            if iou is not None:
                record["guess"] = [float(iou)]
        if self.fine_edges is not None:
            fine = self.fine_edges(features.skips[-1], targets)
            loss = loss + fine * self.recipe.dense_weight
        clicks = np.random.default_rng(given.clicks)
        for group in given.groups:  # parts of one size are decoded together
            share = len(group.views) / len(targets)
            seen = joined_features(features, group.views, group.regions)
            rounds = Rounds(self.model, seen, group.corners, self.recipe.again)
            found = rounds.loss(group.objects, given.rounds, clicks, record, given.practice)
            loss = loss + share * found
        return loss

    def _descend(self, loss: Tensor) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.workers.average_gradients(self._parameters())
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(self._parameters(), 1.0)):
            self.optimiser.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        means: list[Tensor] = list(self.average.state_dict().values())
        values: list[Tensor] = list(self.model.state_dict().values())
        real = [at for at, value in enumerate(values) if value.dtype.is_floating_point]
        for at in set(range(len(values))) - set(real):
            means[at].copy_(values[at])
        torch._foreach_lerp_([means[at] for at in real], [values[at] for at in real], 1 - keep)

    def save(self, name: str = FILENAME) -> None:
        """Write model, average, optimiser and step; by rename, so a kill leaves the last save.

        Parameters
        ----------
        name : str
            Of the file in the folder.

        Raises
        ------
        OutputError
            The folder cannot be written; the last save is still there.
        """
        if self.workers.rank:
            return
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        if self.fine_edges is not None:
            state["fine_edges"] = self.fine_edges.state_dict()
        write_state(self.folder / name, state)

    def resume(self) -> bool:
        """Continue the run found in the folder.

        Returns
        -------
        bool
            Whether there was one.

        Raises
        ------
        CheckpointError
            What is there is damaged, of another model, or of a run that cannot be continued.
        """
        path = self.folder / FILENAME
        if not path.exists():
            return False
        state = self._load(path, "model")
        if self.fine_edges is not None:
            if "fine_edges" not in state:
                raise CheckpointError(
                    f"the run in {path} is of an earlier version: begin another from its average "
                    "(start_from)"
                )
            self.fine_edges.load_state_dict(state["fine_edges"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = int(state["step"])
        return True

    def start_from(self, path: Path) -> None:
        """Begin with the averaged weights of another run.

        Parameters
        ----------
        path : Path
            Its ``state.pt``.

        Raises
        ------
        CheckpointError
            It is missing, damaged or of another model.
        """
        self._load(path, "average")

    def _load(self, path: Path, weights: str) -> dict[str, Any]:
        state = read_state(path)
        try:
            self.model.load_state_dict(state[weights])
            self.average.load_state_dict(state["average"])
        except RuntimeError as error:
            raise CheckpointError(f"the weights in {path} are of another model: {error}") from error
        return state
