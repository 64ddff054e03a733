"""The training loop: batches, interactive rounds, optimiser, moving average, resume."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.model.prompt_encoder import IGNORED, PromptCode
from napari_samara.model.sam import ImageFeatures, SamModel
from napari_samara.model.transformer import Attention
from napari_samara.training.crops import Crop, random_crop, typical_diameter
from napari_samara.training.losses import dense_loss, prompt_loss
from napari_samara.training.phantoms import phantom
from napari_samara.training.simulate import (
    MAX_POINTS,
    ObjectPrompts,
    corrective_point,
    first_prompts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_samara.training.data import LabelledImage


@dataclass(frozen=True)
class Recipe:
    """What a run does.

    Attributes
    ----------
    steps : int
        Length of the whole run; the learning rate falls to zero at its end.
    batch : int
        Views a step.
    prompts : int
        Objects prompted in a view.
    side : int
        Side of a view in pixels of the model input; at most the input size of the model.
    large_share : float
        Share of steps that take one view of the whole input size instead of a batch.
    learning_rate, weight_decay : float
        Of AdamW.
    warmup : int
        Steps of rising learning rate.
    decay_from : float
        Part of the run after which the learning rate falls.
    second_round, third_round : float
        Share of steps with one, and of those with two rounds of corrective clicks.
    phantoms : float
        Share of generated views.
    smallest : int
        Objects with fewer pixels in the view are not prompted.
    seed : int
        Decides data and prompts of every step by its number alone, so that a resumed run sees
        what an unbroken one would have seen.
    """

    steps: int = 20000
    batch: int = 3
    prompts: int = 14
    side: int = 256
    large_share: float = 0.25
    learning_rate: float = 1e-3
    weight_decay: float = 0.03
    warmup: int = 200
    decay_from: float = 0.5
    second_round: float = 0.35
    third_round: float = 0.3
    phantoms: float = 0.12
    smallest: int = 24
    ema: float = 0.999
    seed: int = 0


@dataclass(frozen=True)
class Source:
    """Images of one kind and how often they are drawn."""

    images: Sequence[LabelledImage]
    weight: float


def initialise(model: SamModel, seed: int = 0) -> None:
    """Start the two-way transformer so that a prompt attends to its own place from step one.

    Queries and keys of each attention get the same orthogonal matrix: equal position codes then
    have the largest product. Without it a small decoder learns nothing for thousands of steps.
    """
    generator = torch.Generator().manual_seed(seed)
    pe = model.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    pe.copy_(2.0 * torch.randn(pe.shape, generator=generator))
    for module in model.mask_decoder.transformer.modules():
        if isinstance(module, Attention):
            weight = torch.empty_like(module.q_proj.weight)
            nn.init.orthogonal_(weight, gain=1.5, generator=generator)
            for proj in (module.q_proj, module.k_proj):
                with torch.no_grad():
                    proj.weight.copy_(weight)
                    proj.bias.zero_()


class Trainer:
    """Trains a samara-family model from labelled images.

    Parameters
    ----------
    model : SamModel
        Trained in place.
    sources : sequence of Source
        What to draw from.
    recipe : Recipe
        How.
    folder : Path
        Where state and log are kept; a run found there is continued.
    """

    def __init__(
        self, model: SamModel, sources: Sequence[Source], recipe: Recipe, folder: Path
    ) -> None:
        self.model, self.sources, self.recipe, self.folder = model, sources, recipe, folder
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        width = model.config.mask_decoder_config.hidden_size
        self.dense_head = nn.Conv2d(width, 2 * 16, 1)
        decayed = [p for p in self._parameters() if p.ndim > 1]
        others = [p for p in self._parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": recipe.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
            betas=(0.9, 0.98),
        )
        weights = np.array([s.weight for s in sources], float)
        self.chances = weights / weights.sum()
        self.diameters = [[typical_diameter(i) for i in s.images] for s in sources]
        self.step = 0
        self.rank, self.workers = 0, 1
        if torch.distributed.is_initialized():
            self.rank = torch.distributed.get_rank()
            self.workers = torch.distributed.get_world_size()

    def _parameters(self) -> list[nn.Parameter]:
        return [*self.model.parameters(), *self.dense_head.parameters()]

    def run(
        self,
        seconds: float,
        save_every: float = 120.0,
        report: Callable[[dict[str, float]], None] | None = None,
    ) -> None:
        """Train until the recipe or the time is used up, saving on the way.

        Parameters
        ----------
        seconds : float
            Time to stop at, saved.
        save_every : float
            Seconds between saves.
        report : callable, optional
            Receives mean losses some times a minute.
        """
        start = saved = reported = time.monotonic()
        sums: dict[str, list[float]] = {}
        while self.step < self.recipe.steps and not self._out_of_time(start, seconds):
            for key, value in self.train_step().items():
                sums.setdefault(key, []).append(value)
            now = time.monotonic()
            if now - reported > 30 and self.rank == 0:
                means = {k: float(np.mean(v)) for k, v in sums.items()}
                row = {"step": self.step, "seconds": round(now - start, 1), **means}
                self._log(row)
                if report is not None:
                    report(row)
                sums, reported = {}, now
            if now - saved > save_every:
                self.save()
                saved = now
        self.save()

    def train_step(self) -> dict[str, float]:
        """Do one step; return its losses and IoU."""
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, self.step, self.rank))
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.learning_rate * self._rate()
        large = np.random.default_rng((recipe.seed, self.step)).random() < recipe.large_share
        side = self.model.config.image_size if large else recipe.side
        crops = [self._crop(rng, side) for _ in range(1 if large else recipe.batch)]
        features = self.model.encode_any(torch.from_numpy(np.stack([c.pixels for c in crops])))
        labels = torch.from_numpy(np.stack([c.labels for c in crops]))
        dense = F.pixel_shuffle(self.dense_head(features.embedding), 4)
        loss = 0.3 * dense_loss(dense, labels)
        rounds = 1 + int(rng.random() < recipe.second_round)
        rounds += int(rounds == 2 and rng.random() < recipe.third_round)
        record: dict[str, list[float]] = {}
        for i, crop in enumerate(crops):
            one = ImageFeatures(
                features.embedding[i : i + 1], tuple(s[i : i + 1] for s in features.skips)
            )
            part = self._decode_rounds(one, crop, rounds, rng, record)
            if part is not None:
                loss = loss + part / len(crops)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._share_gradients()
        if all(torch.isfinite(p.grad).all() for p in self._parameters() if p.grad is not None):
            torch.nn.utils.clip_grad_norm_(self._parameters(), 1.0)
            self.optimiser.step()
        self._update_average()
        self.step += 1
        return {"loss": float(loss.detach()), **{k: float(np.mean(v)) for k, v in record.items()}}

    def _share_gradients(self) -> None:
        """Average gradients over the workers, each of which saw other views."""
        if self.workers == 1:
            return
        for parameter in self._parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        grads = [p.grad for p in self._parameters() if p.grad is not None]
        flat = torch.nn.utils.parameters_to_vector(grads)
        torch.distributed.all_reduce(flat)
        torch.nn.utils.vector_to_parameters(flat / self.workers, grads)

    def _out_of_time(self, start: float, seconds: float) -> bool:
        """Tell whether time is up; the first worker decides for all."""
        late = torch.tensor([float(time.monotonic() - start >= seconds)])
        if self.workers > 1:
            torch.distributed.broadcast(late, 0)
        return bool(late)

    def _rate(self) -> float:
        recipe = self.recipe
        warm = min(1.0, (self.step + 1) / recipe.warmup)
        begin = recipe.decay_from * recipe.steps
        done = max(0.0, (self.step - begin) / max(recipe.steps - begin, 1.0))
        return warm * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    def _crop(self, rng: np.random.Generator, side: int) -> Crop:
        if rng.random() < self.recipe.phantoms:
            image = phantom(rng, side=int(side * rng.uniform(0.8, 1.5)))
            return random_crop(image, typical_diameter(image), side, rng)
        kind = int(rng.choice(len(self.sources), p=self.chances))
        number = int(rng.integers(len(self.sources[kind].images)))
        image = self.sources[kind].images[number]
        return random_crop(image, self.diameters[kind][number], side, rng)

    def _decode_rounds(
        self,
        features: ImageFeatures,
        crop: Crop,
        rounds: int,
        rng: np.random.Generator,
        record: dict[str, list[float]],
    ) -> Tensor | None:
        ids, counts = np.unique(crop.labels, return_counts=True)
        ids = ids[(ids > 0) & (counts >= self.recipe.smallest)]
        ids = ids[(np.isin(ids, crop.labels[1:-1, 1:-1]))]
        if not len(ids):
            return None
        ids = rng.permutation(ids)[: self.recipe.prompts]
        masks = crop.labels[None] == ids[:, None, None]
        prompts = [first_prompts(m, rng) for m in masks]
        # clicks-only objects first: with and without a box the token lists differ
        order = sorted(range(len(ids)), key=lambda i: prompts[i].box is not None)
        masks, prompts = masks[order], [prompts[i] for i in order]
        scale = self.model.config.image_size // self.model.config.mask_size
        truth = F.avg_pool2d(torch.from_numpy(masks[:, None].astype(np.float32)), scale)[:, 0]
        near = _neighbourhood(truth > 0)
        offset = self._offset(rng, crop.labels.shape[0])
        total: Tensor | None = None
        previous: Tensor | None = None
        for number in range(rounds):
            logits, iou = self._decode(features, prompts, previous, offset)
            single = torch.tensor([p.box is None and len(p.points) == 1 for p in prompts])
            loss, reached = prompt_loss(logits, iou, truth, near, single)
            total = loss if total is None else total + loss
            boxed = np.array([p.box is not None for p in prompts])
            for key, chosen in (("box", boxed), ("point", single.numpy())):
                if chosen.any():
                    name = key if number == 0 else f"{key}_round{number + 1}"
                    record.setdefault(name, []).append(float(reached.numpy()[chosen].mean()))
            if number + 1 < rounds:
                previous = self._click(logits, iou, single, masks, prompts, rng)
        return total

    def _offset(self, rng: np.random.Generator, side: int) -> tuple[int, int]:
        """Place of the view in the model's frame, in embedding positions (row, col)."""
        config = self.model.config
        room = (config.image_size - side) // config.vision_config.patch_size
        row, col = rng.integers(0, room + 1, 2)
        return int(row), int(col)

    def _click(
        self,
        logits: Tensor,
        iou: Tensor,
        single: Tensor,
        masks: np.ndarray,
        prompts: list[ObjectPrompts],
        rng: np.random.Generator,
    ) -> Tensor:
        """Add a corrective click to each object; return the logits to be corrected (P, 1, S, S)."""
        best = torch.where(single, 1 + iou[:, 1:].argmax(1), torch.zeros_like(single).long())
        shown = logits.detach()[torch.arange(len(best)), best][:, None]
        predicted = F.interpolate(shown, size=masks.shape[1:], mode="bilinear")[:, 0] > 0
        for mask, guess, prompt in zip(masks, predicted.numpy(), prompts, strict=True):
            click = corrective_point(mask, guess, rng)
            if click is not None and len(prompt.points) < MAX_POINTS:
                prompt.points.append(click)
        return shown

    def _decode(
        self,
        features: ImageFeatures,
        prompts: list[ObjectPrompts],
        previous: Tensor | None,
        offset: tuple[int, int],
    ) -> tuple[Tensor, Tensor]:
        """Return logits (P, 4, S, S) and IoU (P, 4): the single mask and the three others."""
        split = sum(p.box is None for p in prompts)
        outputs = []
        for part in (slice(0, split), slice(split, len(prompts))):
            if not prompts[part]:
                continue
            mask = None if previous is None else previous[part]
            code = self._encode(prompts[part], mask, offset, features.embedding.shape[-1])
            pe = _window(self.model.prompt_encoder.dense_pe(), offset, features.embedding.shape[-1])
            outputs.append(
                self.model.mask_decoder.all_masks(features.embedding, pe, code, features.skips)
            )
        return (torch.cat([o[0] for o in outputs]), torch.cat([o[1] for o in outputs]))

    def _encode(
        self,
        prompts: list[ObjectPrompts],
        previous: Tensor | None,
        offset: tuple[int, int],
        side: int,
    ) -> PromptCode:
        encoder = self.model.prompt_encoder
        patch = self.model.config.vision_config.patch_size
        shift = torch.tensor([offset[1] * patch, offset[0] * patch], dtype=torch.float32)
        most = max(len(p.points) for p in prompts)
        points = torch.zeros(len(prompts), most, 2)
        signs = torch.full((len(prompts), most), IGNORED)
        for i, prompt in enumerate(prompts):
            for j, (x, y, positive) in enumerate(prompt.points):
                points[i, j] = torch.tensor([x, y])
                signs[i, j] = int(positive)
        boxes = None
        if prompts[0].box is not None:
            boxes = torch.tensor([p.box for p in prompts]) + shift.repeat(2)
        mask = None
        if previous is not None:
            full = self.model.config.mask_input_size
            small = F.adaptive_avg_pool2d(previous, 4 * side)
            left, top = 4 * offset[1], 4 * offset[0]
            mask = F.pad(small, (left, full - left - 4 * side, top, full - top - 4 * side))
        code = encoder(points + shift if most else None, signs if most else None, boxes, mask)
        maps = _window(code.maps, (4 * offset[0], 4 * offset[1]), 4 * side)
        return PromptCode(code.sparse, _window(code.dense, offset, side), maps)

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

    def save(self) -> None:
        """Write model, average, optimiser and step; by rename, so a kill leaves the last save."""
        if self.rank:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "dense_head": self.dense_head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        part = self.folder / "state.pt.part"
        torch.save(state, part)
        os.replace(part, self.folder / "state.pt")

    def resume(self) -> bool:
        """Continue the run found in the folder; return whether there was one."""
        path = self.folder / "state.pt"
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.dense_head.load_state_dict(state["dense_head"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = int(state["step"])
        return True

    def _log(self, row: dict[str, float]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({k: round(v, 4) for k, v in row.items()}) + "\n")


def _window(maps: Tensor, offset: tuple[int, int], side: int) -> Tensor:
    row, col = offset
    return maps[..., row : row + side, col : col + side]


def _neighbourhood(inside: Tensor) -> Tensor:
    """Return (P, S, S) bool: the box of each object, grown by half its size and four pixels."""
    rows, cols = inside.any(2), inside.any(1)  # (P, S)
    near = []
    for line in (rows, cols):
        size = line.shape[1]
        index = torch.arange(size)
        first = torch.where(line, index, size).min(1, keepdim=True).values
        last = torch.where(line, index, -1).max(1, keepdim=True).values
        margin = (last - first + 1) // 2 + 4
        near.append((index >= first - margin) & (index <= last + margin))
    return near[0][:, :, None] & near[1][:, None, :]
