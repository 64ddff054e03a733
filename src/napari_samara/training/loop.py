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
from napari_samara.training.recipe import Recipe
from napari_samara.training.regions import region_of
from napari_samara.training.rounds import Record, Rounds, ViewObjects, choose_objects
from napari_samara.training.run_log import RunLog
from napari_samara.training.state import BEST, FILENAME, read_state, write_state
from napari_samara.training.views import Source, Views
from napari_samara.training.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_samara.training.crops import Crop
    from napari_samara.training.validation import Judge

__all__ = ["Recipe", "Source", "Trainer", "initialise"]

_SHARED = 1 << 20
"""In place of a worker's number in the seed of what all workers decide alike."""


class Trainer:
    """Trains a model from labelled images, on the CPU.

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
        self.views = Views(sources, recipe.phantoms)
        self.workers = Workers.of_this_process()
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

        Raises
        ------
        OutputError
            State or log cannot be written.
        """
        start = saved = time.monotonic()
        if judge is not None:
            judge.resume(self.folder / LOG, self.step)
        log = RunLog(self.folder / LOG, report, judge)
        while self.step < self.recipe.steps:
            if self.workers.agree(time.monotonic() - start >= seconds or log.exhausted):
                break
            figures = self.train_step()
            if self.workers.rank == 0 and log.add(self.step, figures, self.average):
                self.save(BEST)
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    def train_step(self) -> dict[str, float]:
        """Do one step.

        Returns
        -------
        dict
            ``loss``, and the IoU reached as `Rounds.loss` names it.
        """
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, self.step, self.workers.rank))
        # a seed of its own: (seed, step) alone is the one of the first worker, as zeros at the end
        # of a seed count for nothing
        large = np.random.default_rng((recipe.seed, self.step, _SHARED)).random()
        self.model.train()
        prompted = self.step >= recipe.dense_steps
        if prompted and large < recipe.large_share:
            crops = [self.views.draw(rng, self.model.config.image_size)]
        else:
            count = recipe.batch if prompted else recipe.dense_batch
            crops = [self.views.draw(rng, recipe.side) for _ in range(count)]
        record: Record = {}
        loss = self._loss(crops, rng, record, prompted)
        self._descend(loss)
        self._update_average()
        self.step += 1
        return {"loss": float(loss.detach()), **{k: float(np.mean(v)) for k, v in record.items()}}

    def _loss(
        self, crops: list[Crop], rng: np.random.Generator, record: Record, prompted: bool
    ) -> Tensor:
        pixels = torch.from_numpy(np.stack([c.pixels for c in crops]))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bfloat16):
            found = self.model.encode_any(pixels)
        features = ImageFeatures(found.embedding.float(), tuple(s.float() for s in found.skips))
        loss = features.embedding.new_zeros(())
        known = self.model.mask_decoder.instance_maps(features.skips)
        if known is not None:
            loss, iou = dense_loss(known, [c.labels for c in crops], rng)
            loss = loss * self.recipe.dense_weight
            if iou is not None:
                record["guess"] = [iou]
        if self.fine_edges is not None:
            fine = self.fine_edges(features.skips[-1], [c.labels for c in crops])
            loss = loss + fine * self.recipe.dense_weight
        if prompted:
            loss = loss + self._prompt_loss(crops, features, rng, record)
        return loss

    def _prompt_loss(
        self, crops: list[Crop], features: ImageFeatures, rng: np.random.Generator, record: Record
    ) -> Tensor:
        loss = features.embedding.new_zeros(())
        rounds = 1 + int(rng.random() < self.recipe.second_round)
        rounds += int(rounds == 2 and rng.random() < self.recipe.third_round)
        groups: dict[int, list[tuple[ImageFeatures, ViewObjects, tuple[int, int]]]] = {}
        for i, crop in enumerate(crops):
            one = ImageFeatures(
                features.embedding[i : i + 1], tuple(s[i : i + 1] for s in features.skips)
            )
            row, col = self._offset(rng, crop.labels.shape[0])
            labels = crop.labels
            if rng.random() < self.recipe.region_share:
                patch = self.model.config.vision_config.patch_size
                region = region_of(labels, patch, self.recipe.smallest, rng)
                one, labels = region.of_features(one), region.of_labels(labels, patch)
                row, col = row + region.row, col + region.col
            objects = choose_objects(labels, self.recipe, rng)
            if objects is not None:
                groups.setdefault(len(labels), []).append((one, objects, (row, col)))
        for group in groups.values():  # views of one size are decoded together
            parts, objects_of, corners = zip(*group, strict=True)
            views = Rounds(self.model, _joined(parts), corners)
            own = views.loss(ViewObjects.of_views(objects_of), rounds, rng, record)
            loss = loss + own * (len(group) / len(crops))
        return loss

    def _offset(self, rng: np.random.Generator, side: int) -> tuple[int, int]:
        """Place of a view in the model's frame, in embedding positions (row, col)."""
        config = self.model.config
        room = (config.image_size - side) // config.vision_config.patch_size
        row, col = rng.integers(0, room + 1, 2)
        return int(row), int(col)

    def _descend(self, loss: Tensor) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.workers.average_gradients(self._parameters())
        if all(torch.isfinite(p.grad).all() for p in self._parameters() if p.grad is not None):
            torch.nn.utils.clip_grad_norm_(self._parameters(), 1.0)
            self.optimiser.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for mean, now in zip(
            self.average.state_dict().values(), self.model.state_dict().values(), strict=True
        ):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)

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


def _joined(parts: Sequence[ImageFeatures]) -> ImageFeatures:
    """Features of several views as one batch."""
    skips = zip(*(part.skips for part in parts), strict=True)
    return ImageFeatures(
        torch.cat([part.embedding for part in parts]), tuple(torch.cat(maps) for maps in skips)
    )
