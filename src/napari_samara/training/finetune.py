"""A checkpoint adapted to a user's images: short, judged on held-out objects, best kept."""

from __future__ import annotations

import copy
import time
from contextlib import contextmanager
from dataclasses import asdict
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_samara.engine.predictor import Predictor
from napari_samara.errors import TrainingError
from napari_samara.training.encoded_views import PLAIN, choose_views, pixels_of
from napari_samara.training.evaluation import one_prompt_ious
from napari_samara.training.examples import SMALLEST
from napari_samara.training.finetune_progress import Finetuned, Progress
from napari_samara.training.known_objects import known_objects
from napari_samara.training.low_rank import add_low_rank, merged_state
from napari_samara.training.recipe import Recipe
from napari_samara.training.regions import region_of
from napari_samara.training.rounds import Record, Rounds, choose_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor, nn

    from napari_samara.embedding import Embedding
    from napari_samara.model.sam import ImageFeatures, SamModel
    from napari_samara.settings import FinetuneSettings
    from napari_samara.training.examples import Split
    from napari_samara.training.known_objects import KnownObject

JUDGED = 40
"""Held-out objects that are looked at, at most."""

_EMA, _WARMUP, _FULL_RATE = 0.98, 20, 0.1

# Looks at the held-out objects: not more often than this part of the time, nor than so many steps.
_LOOK_SHARE, _LOOK_STEPS = 0.04, 20


class Finetuner:
    """Adapts a copy of a model; the predictor that is given stays as it is.

    Parameters
    ----------
    predictor : Predictor
        The checkpoint to begin with.
    split : Split
        What to learn from and what to judge by.
    settings : FinetuneSettings
        How.

    Raises
    ------
    TrainingError
        If no object is large enough to learn from or to judge by.
    """

    def __init__(self, predictor: Predictor, split: Split, settings: FinetuneSettings) -> None:
        if not all(split.counts):
            raise TrainingError(
                f"{split.counts[0]} objects to learn from and {split.counts[1]} to judge by: "
                "both need one at least"
            )
        self.settings, self._split = settings, split
        torch.manual_seed(settings.seed)
        model = copy.deepcopy(predictor.model).requires_grad_(False).eval()
        self.model, self._first = model, predictor.model
        self._learned = self._choose_learned()
        # Embedding goes through the one predictor, whose encoder is that of the model as long as
        # only the decoder learns.
        self._predictor = Predictor.__new__(Predictor)
        self._predictor.__dict__.update(predictor.__dict__, model=model)
        rate = settings.learning_rate * (_FULL_RATE if settings.mode == "full" else 1.0)
        self._optimiser = torch.optim.AdamW(self._learned, lr=rate, weight_decay=0.01)
        self._average = [p.detach().clone() for p in self._learned]
        self._recipe = Recipe(prompts=settings.objects, smallest=SMALLEST)
        self._views = choose_views(split.train, settings.views, settings.seed)
        self._encoded: dict[int, tuple[ImageFeatures, np.ndarray]] = {}
        self._judged: list[tuple[Embedding, int, list[KnownObject]]] = []
        self._step = self._waited = 0
        self._spent = 0.0
        self._losses: list[float] = []
        self._found = Finetuned(self._first)
        self._best = [p.detach().clone() for p in self._learned]

    def run(
        self,
        progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        better: Callable[[Finetuned], None] | None = None,
        looked: Callable[[dict[str, Any]], None] | None = None,
    ) -> Finetuned:
        """Train until time, steps or patience end, or the user does.

        Parameters
        ----------
        progress : callable, optional
            Told of every look at the held-out objects.
        cancelled : callable, optional
            Asked before each step; the best weights so far are kept.
        better : callable, optional
            Called with the result so far whenever it became better.
        looked : callable, optional
            Takes all that `restore` needs, after every look.

        Returns
        -------
        Finetuned
            The best that was seen, perhaps what there was before.
        """
        found, settings = self._found, self.settings
        looked_at = time.monotonic()
        start, limit = looked_at - self._spent, 60 * settings.minutes
        while True:
            now = time.monotonic()
            done = min(1.0, max(self._step / settings.steps, (now - start) / limit))
            stop = bool(cancelled and cancelled())
            due = now - looked_at > _LOOK_SHARE * limit and self._step % _LOOK_STEPS == 0
            new = not found.history or found.history[-1].step != self._step
            if new and (not self._step or due or done >= 1 or stop):
                self._take(self._look(done, now - start), better)
                looked_at = time.monotonic()
                self._spent = looked_at - start
                if looked is not None:
                    looked(self.state())
                if progress is not None:
                    progress(found.history[-1])
            if done >= 1 or stop or self._waited >= settings.patience:
                found.stopped = _why(stop, done)
                break
            self._train_step()
        self._set(self._best)
        found.model = self._merged()
        return found

    def state(self) -> dict[str, Any]:
        """All that going on needs, as it is now: plain values and tensors.

        Returns
        -------
        dict
            For `restore` of a trainer of the same predictor, split and settings.
        """
        return {
            "step": self._step,
            "waited": self._waited,
            "seconds": self._spent,
            "history": [asdict(at) for at in self._found.history],
            "best": asdict(self._found.best),
            "learned": [p.detach().clone() for p in self._learned],
            "average": [value.clone() for value in self._average],
            "best_weights": [value.clone() for value in self._best],
            "optimiser": self._optimiser.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another trainer was.

        Parameters
        ----------
        state : mapping
            As `state` gives it.
        """
        self._step, self._waited = int(state["step"]), int(state["waited"])
        self._spent = float(state["seconds"])
        self._found.history = [Progress(**at) for at in state["history"]]
        self._found.best = Progress(**state["best"])
        self._set(state["learned"])
        for mine, kept in (self._average, "average"), (self._best, "best_weights"):
            for value, saved in zip(mine, state[kept], strict=True):
                value.copy_(saved)
        self._optimiser.load_state_dict(state["optimiser"])

    def _take(self, at: Progress, better: Callable[[Finetuned], None] | None) -> None:
        """Note a look at the held-out objects, and keep the weights where they are the best."""
        found = self._found
        found.history.append(at)
        self._waited += 1
        if len(found.history) > 1 and not at.score > found.best.score:
            return
        found.best, self._waited = at, 0
        self._best = [value.clone() for value in self._average]
        if better is not None and at.step:
            with self._values(self._best):
                found.model = self._merged()
            better(found)

    def _merged(self) -> SamModel:
        """Return a copy of the model as an ordinary one."""
        model = copy.deepcopy(self._first)
        model.load_state_dict(merged_state(self.model))
        return model

    def _choose_learned(self) -> list[nn.Parameter]:
        """Parameters that learn; all others stay as they are."""
        model, mode = self.model, self.settings.mode
        chosen = [*model.mask_decoder.parameters(), *model.prompt_encoder.parameters()]
        if mode == "lora":
            chosen += add_low_rank(model, self.settings.rank)
        elif mode == "full":
            chosen += model.image_encoder.parameters()
        for parameter in chosen:
            parameter.requires_grad_(True)
        return chosen

    def _train_step(self) -> None:
        rng = np.random.default_rng((self.settings.seed, 2, self._step))
        features, labels = self._view(int(rng.integers(len(self._views))))
        patch = self.model.config.vision_config.patch_size
        region = region_of(labels, patch, SMALLEST, rng)
        features, labels = region.of_features(features), region.of_labels(labels, patch)
        objects = choose_objects(labels, self._recipe, rng)
        self._step += 1
        if objects is None:
            return
        rounds = 1 + int(rng.random() < 0.5)
        record: Record = {}
        corners = [(region.row, region.col)]
        loss = Rounds(self.model, features, corners).loss(objects, rounds, rng, record)
        for group in self._optimiser.param_groups:
            group["lr"] = group.setdefault("whole", group["lr"]) * min(1.0, self._step / _WARMUP)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._learned, 1.0)
        self._optimiser.step()
        with torch.no_grad():
            keep = min(_EMA, self._step / (self._step + 10))
            for mean_value, value in zip(self._average, self._learned, strict=True):
                mean_value.lerp_(value, 1 - keep)
        self._losses.append(float(loss.detach()))

    def _view(self, number: int) -> tuple[ImageFeatures, np.ndarray]:
        """Features of a view: kept where the encoder stays as it is, else made anew."""
        if number in self._encoded:
            return self._encoded[number]
        view = self._views[number]
        pixels, labels = pixels_of(view, self._split.train[view.plane], self._predictor)
        tensor = torch.from_numpy(pixels)[None].to(self.model.device)
        frozen = self.settings.mode == "decoder"
        with torch.set_grad_enabled(not frozen):
            features = self.model.encode_any(tensor)
        if frozen:
            self._encoded[number] = features, labels
        return features, labels

    def _look(self, done: float, seconds: float) -> Progress:
        """Judge the averaged weights by the held-out objects."""
        boxes, points = [], []
        with self._values(self._average), torch.no_grad():
            for embedding, objects in self._held_out():
                ious = one_prompt_ious(self._predictor, embedding, objects)
                boxes += ious["box"]
                points += ious["point"]
        loss = mean(self._losses) if self._losses else float("nan")
        self._losses.clear()
        return Progress(self._step, done, seconds, loss, mean(boxes), mean(points))

    def _held_out(self) -> Iterator[tuple[Embedding, list[KnownObject]]]:
        """Held-out planes with their objects; encoded once where the encoder stays."""
        if not self._judged:
            rng = np.random.default_rng((self.settings.seed, 3))
            planes = [
                (at, known_objects(plane.labels, SMALLEST, rng))
                for at, plane in enumerate(self._split.held_out)
            ]
            share = max(1, JUDGED // len(planes))
            for at, objects in planes:
                chosen = rng.permutation(len(objects))[:share]
                self._judged.append((self._embedded(at), at, [objects[i] for i in chosen]))
        frozen = self.settings.mode == "decoder"
        for embedding, at, objects in self._judged:
            yield (embedding if frozen or not self._step else self._embedded(at)), objects

    def _embedded(self, at: int) -> Embedding:
        return self._predictor.embed(self._split.held_out[at].image, PLAIN)

    @contextmanager
    def _values(self, values: list[Tensor]) -> Iterator[None]:
        """Give the model other weights for a while."""
        kept = [p.detach().clone() for p in self._learned]
        self._set(values)
        try:
            yield
        finally:
            self._set(kept)

    def _set(self, values: list[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self._learned, values, strict=True):
                parameter.copy_(value)


def _why(stopped: bool, done: float) -> str:
    """Why training ended, in words."""
    if stopped:
        return "cancelled"
    return "time or steps are used up" if done >= 1 else "no gain for a while"
