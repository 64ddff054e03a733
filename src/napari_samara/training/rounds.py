"""The objects of one view, prompted and then corrected click by click, as a user would.

SAM paper, appendix A, "Training algorithm": prompts, prediction, a click into the largest error
together with the logits of the last round, prediction again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_samara.model.prompt_encoder import IGNORED, PromptCode
from napari_samara.training.losses import neighbourhood, prompt_loss
from napari_samara.training.simulate import (
    MAX_POINTS,
    ObjectPrompts,
    corrective_point,
    first_prompts,
)

if TYPE_CHECKING:
    from napari_samara.model.sam import ImageFeatures, SamModel
    from napari_samara.training.recipe import Recipe

MASK_PER_EMBEDDING = 4
"""Pixels of a mask prompt a side for each position of the embedding."""

Record = dict[str, list[float]]


@dataclass
class ViewObjects:
    """The objects of a view that are prompted; those without a box come first.

    Attributes
    ----------
    masks : numpy.ndarray
        (P, side, side) bool.
    prompts : list of ObjectPrompts
        What each has been given so far.
    """

    masks: npt.NDArray[np.bool_]
    prompts: list[ObjectPrompts]

    @property
    def single(self) -> Tensor:
        """Which objects have one point alone and are answered with three masks, (P,) bool."""
        return torch.tensor([p.box is None and len(p.points) == 1 for p in self.prompts])


def choose_objects(
    labels: npt.NDArray[np.int32], recipe: Recipe, rng: np.random.Generator
) -> ViewObjects | None:
    """Choose objects of a view and their first prompts.

    Parameters
    ----------
    labels : numpy.ndarray
        (side, side) int32.
    recipe : Recipe
        Says how many objects, and how small.
    rng : numpy.random.Generator
        Decides everything.

    Returns
    -------
    ViewObjects or None
        None where no object is large enough or all lie on the border of the view.
    """
    ids, counts = np.unique(labels, return_counts=True)
    ids = ids[(ids > 0) & (counts >= recipe.smallest)]
    ids = ids[np.isin(ids, labels[1:-1, 1:-1])]
    if not len(ids):
        return None
    ids = rng.permutation(ids)[: recipe.prompts]
    masks = labels[None] == ids[:, None, None]
    prompts = [first_prompts(m, rng) for m in masks]
    # with and without a box the token lists differ in length: two decoder calls, boxes last
    order = sorted(range(len(ids)), key=lambda i: prompts[i].box is not None)
    return ViewObjects(masks[order], [prompts[i] for i in order])


class Rounds:
    """Rounds of prediction and correction on the objects of one view.

    Parameters
    ----------
    model : SamModel
        In training.
    features : ImageFeatures
        Of the view alone, (1, C, h, w).
    offset : tuple of int
        Place of the view in the model's input frame, in embedding positions (row, col): a view
        smaller than the input is put somewhere in it, so that all position codes are trained.
    """

    def __init__(
        self, model: SamModel, features: ImageFeatures, offset: tuple[int, int] = (0, 0)
    ) -> None:
        self.model, self.features, self.offset = model, features, offset
        self.side = features.embedding.shape[-1]

    def loss(
        self, objects: ViewObjects, rounds: int, rng: np.random.Generator, record: Record
    ) -> Tensor:
        """Return the loss summed over the rounds.

        Parameters
        ----------
        objects : ViewObjects
            Their prompts grow by the corrective clicks.
        rounds : int
            Predictions; a click comes between two of them.
        rng : numpy.random.Generator
            Decides where the clicks go.
        record : dict
            Receives the IoU reached: ``box`` and ``point`` (one point alone), and ``box_round2``
            and so on for the same objects after clicks.

        Returns
        -------
        Tensor
            Scalar.
        """
        scale = self.model.config.image_size // self.model.config.mask_size
        masks = torch.from_numpy(objects.masks[:, None].astype(np.float32))
        truth = F.avg_pool2d(masks, scale)[:, 0]
        near = neighbourhood(truth > 0)
        boxed = np.array([p.box is not None for p in objects.prompts])
        kinds = {"box": boxed, "point": objects.single.numpy()}
        total, previous = truth.new_zeros(()), None
        for number in range(rounds):
            logits, iou = self.decode(objects.prompts, previous)
            single = objects.single
            loss, reached = prompt_loss(logits, iou, truth, near, single)
            total = total + loss
            for key, chosen in kinds.items():
                if chosen.any():
                    name = f"{key}_round{number + 1}" if number else key
                    record.setdefault(name, []).append(float(reached.numpy()[chosen].mean()))
            if number + 1 < rounds:
                best = torch.where(single, 1 + iou[:, 1:].argmax(1), 0)
                previous = logits.detach()[torch.arange(len(best)), best][:, None]
                add_clicks(objects, previous, rng)
        return total

    def decode(
        self, prompts: list[ObjectPrompts], previous: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of P objects.

        Parameters
        ----------
        prompts : list of ObjectPrompts
            Those without a box first.
        previous : Tensor, optional
            (P, 1, S, S) logits of the last round, at the resolution of the masks.

        Returns
        -------
        logits : Tensor
            (P, 4, S, S): the single mask, then the three of an ambiguous prompt.
        iou : Tensor
            (P, 4) predicted.
        """
        split = sum(p.box is None for p in prompts)
        outputs = []
        for part in (slice(0, split), slice(split, len(prompts))):
            if prompts[part]:
                code = self._encode(prompts[part], None if previous is None else previous[part])
                pe = self._window(self.model.prompt_encoder.dense_pe())
                image, skips = self.features
                outputs.append(self.model.mask_decoder.all_masks(image, pe, code, skips))
        return torch.cat([o[0] for o in outputs]), torch.cat([o[1] for o in outputs])

    def _encode(self, prompts: list[ObjectPrompts], previous: Tensor | None) -> PromptCode:
        """Encode prompts, which all have a box or none, in the frame of the whole input."""
        patch = self.model.config.vision_config.patch_size
        shift = torch.tensor(self.offset[::-1], dtype=torch.float32) * patch  # (x, y)
        boxes = None
        if prompts[0].box is not None:
            boxes = torch.tensor([p.box for p in prompts]) + shift.repeat(2)
        points, signs = _padded_points(prompts)
        if points is not None:
            points = points + shift
        mask = None if previous is None else self._in_frame(previous)
        code = self.model.prompt_encoder(points, signs, boxes, mask)
        maps = None if code.maps is None else self._window(code.maps, MASK_PER_EMBEDDING)
        places = None if code.places is None else code.places.moved(*(-shift).tolist())
        return PromptCode(code.sparse, self._window(code.dense), maps, places)

    def _in_frame(self, logits: Tensor) -> Tensor:
        """Return logits of the view as a mask prompt, which covers the whole input."""
        step = MASK_PER_EMBEDDING
        small = F.adaptive_avg_pool2d(logits, step * self.side)
        top, left = (step * n for n in self.offset)
        room = self.model.config.mask_input_size - step * self.side
        return F.pad(small, (left, room - left, top, room - top))

    def _window(self, maps: Tensor, step: int = 1) -> Tensor:
        """Cut the view out of maps of the whole input with `step` pixels a position."""
        row, col = (step * n for n in self.offset)
        side = step * self.side
        return maps[..., row : row + side, col : col + side]


def _padded_points(prompts: list[ObjectPrompts]) -> tuple[Tensor | None, Tensor | None]:
    """Return points (P, N, 2) and signs (P, N), N the most that an object has; None for 0."""
    most = max(len(p.points) for p in prompts)
    if not most:
        return None, None
    points = torch.zeros(len(prompts), most, 2)
    signs = torch.full((len(prompts), most), IGNORED)
    for i, prompt in enumerate(prompts):
        for j, (x, y, positive) in enumerate(prompt.points):
            points[i, j] = torch.tensor([x, y])
            signs[i, j] = int(positive)
    return points, signs


def add_clicks(objects: ViewObjects, shown: Tensor, rng: np.random.Generator) -> None:
    """Give each object whose mask is not perfect one more point, up to `MAX_POINTS`.

    Parameters
    ----------
    objects : ViewObjects
        Changed.
    shown : Tensor
        (P, 1, S, S) logits of the mask that a user would see.
    rng : numpy.random.Generator
        Decides where in the largest error the point goes.
    """
    size = objects.masks.shape[1:]
    guesses = F.interpolate(shown, size=size, mode="bilinear")[:, 0] > 0
    for mask, guess, prompt in zip(objects.masks, guesses.numpy(), objects.prompts, strict=True):
        click = corrective_point(mask, guess, rng)
        if click is not None and len(prompt.points) < MAX_POINTS:
            prompt.points.append(click)
