"""The objects of some views, prompted and then corrected click by click, as a user would.

SAM paper, appendix A, "Training algorithm": prompts, prediction, a click into the largest error
together with the logits of the last round, prediction again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_samara.engine.click_obeying import obeyed
from napari_samara.engine.requests import MASK_LOGIT
from napari_samara.model.prompt_encoder import IGNORED, MASK_PER_EMBEDDING, PromptCode
from napari_samara.training.losses import neighbourhood, prompt_loss
from napari_samara.training.simulate import (
    MAX_POINTS,
    ObjectPrompts,
    earlier_prompts,
    first_prompts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.model.sam import ImageFeatures, SamModel
    from napari_samara.training.recipe import Recipe

Record = dict[str, list[float]]


@dataclass
class ViewObjects:
    """The objects of some views that are prompted; those without a box come first.

    Attributes
    ----------
    masks : Tensor
        (P, side, side) bool; empty where an object is gone that there was in the slice before.
    prompts : list of ObjectPrompts
        What each has been given so far, in pixels of its view.
    views : list of int
        Number of the view that each lies in; of one view if left out.
    earlier : Tensor or None
        (P, side, side) bool, none of them empty: masks of the slice before, which are given too.
    """

    masks: Tensor
    prompts: list[ObjectPrompts]
    views: list[int] = field(default_factory=list)
    earlier: Tensor | None = None

    def __post_init__(self) -> None:
        """Put all objects in one view where nothing is said of it."""
        self.views = self.views or [0] * len(self.prompts)

    @classmethod
    def of_views(cls, parts: Sequence[ViewObjects]) -> ViewObjects:
        """Join the objects of several views of one size, each of them of one view."""
        views = [number for number, part in enumerate(parts) for _ in part.prompts]
        prompts = [prompt for part in parts for prompt in part.prompts]
        earlier = [part.earlier for part in parts if part.earlier is not None]
        return cls(
            torch.cat([part.masks for part in parts]),
            prompts,
            views,
            torch.cat(earlier) if earlier else None,
        ).in_order()

    def in_order(self) -> ViewObjects:
        """Put those without a box first: with a box there are more tokens."""
        order = sorted(range(len(self.prompts)), key=lambda i: self.prompts[i].box is not None)
        return ViewObjects(
            self.masks[order],
            [self.prompts[i] for i in order],
            [self.views[i] for i in order],
            None if self.earlier is None else self.earlier[order],
        )

    @property
    def single(self) -> Tensor:
        """Which objects have one point alone and are answered with three masks, (P,) bool."""
        return torch.tensor(
            [p.box is None and len(p.points) == 1 and self.earlier is None for p in self.prompts]
        )


def choose_objects(
    labels: npt.NDArray[np.int32],
    recipe: Recipe,
    rng: np.random.Generator,
    earlier: bool = False,
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
    earlier : bool
        Whether they are given by their masks in the slice before.

    Returns
    -------
    ViewObjects or None
        None where no object is large enough or all lie on the border of the view.
    """
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    inner = np.bincount(labels[1:-1, 1:-1].ravel(), minlength=len(counts))
    ids = np.flatnonzero((counts >= recipe.smallest) & (inner > 0))
    if not len(ids):
        return None
    ids = rng.permutation(ids)[: recipe.prompts]
    masks = labels[None] == ids[:, None, None]
    if not earlier:
        prompts = [first_prompts(m, rng) for m in masks]
        return ViewObjects(torch.from_numpy(masks), prompts).in_order()
    found = [earlier_prompts(labels, int(label), rng) for label in ids]
    masks &= np.array([there for _, _, there in found])[:, None, None]
    before = torch.from_numpy(np.stack([mask for _, mask, _ in found]))
    prompts = [one for one, _, _ in found]
    return ViewObjects(torch.from_numpy(masks), prompts, earlier=before).in_order()


class Rounds:
    """Rounds of prediction and correction on the objects of some views.

    Parameters
    ----------
    model : SamModel
        In training.
    features : ImageFeatures
        Of V views of one size, (V, C, h, w).
    corners : sequence of tuple of int
        Place of each view in the model's input frame, in embedding positions (row, col): a view
        smaller than the input is put somewhere in it, so that all position codes are trained.
    again : float
        Share of objects that get no click between two rounds.
    """

    def __init__(
        self,
        model: SamModel,
        features: ImageFeatures,
        corners: Sequence[tuple[int, int]] = ((0, 0),),
        again: float = 0.0,
    ) -> None:
        self.model, self.features, self.again = model, features, again
        self.side, self.device = features.embedding.shape[-1], features.embedding.device
        self.corners = torch.tensor(corners, device=self.device)

    def loss(
        self,
        objects: ViewObjects,
        rounds: int,
        rng: np.random.Generator,
        record: Record,
        practice: int = 0,
    ) -> Tensor:
        """Return the loss summed over the rounds.

        Parameters
        ----------
        objects : ViewObjects
            Their prompts grow by the corrective clicks.
        rounds : int
            Predictions; a click comes between two of them, or the mask alone is handed back.
        rng : numpy.random.Generator
            Decides where the clicks go.
        record : dict
            Receives the IoU reached: ``box`` and ``point`` (one point alone), and ``box_round2``
            and so on for the same objects in later rounds; ``earlier`` where masks of the slice
            before are given, and of those that are gone, where no IoU can be reached, ``gone``:
            the one that is predicted.
        practice : int
            Rounds before these from which nothing is learned, so that these begin with many clicks.

        Returns
        -------
        Tensor
            Scalar.
        """
        scale = self.model.config.image_size // self.model.config.mask_size
        masks = objects.masks.to(self.device)[:, None].float()
        truth = F.avg_pool2d(masks, scale)[:, 0]
        previous, around = None, truth
        boxed = np.array([p.box is not None for p in objects.prompts])
        kinds = {"box": boxed, "point": objects.single.numpy()}
        if objects.earlier is not None:
            before = F.avg_pool2d(objects.earlier.to(self.device)[:, None].float(), scale)
            previous, around = (2 * before - 1) * MASK_LOGIT, truth + before[:, 0]
            there = objects.masks.any(2).any(1).numpy()
            kinds = {"earlier": there, "gone": ~there}
        near = neighbourhood(around > 0)
        total = truth.new_zeros(())
        for number in range(practice + rounds):
            learned = number >= practice
            with torch.set_grad_enabled(learned and torch.is_grad_enabled()):
                logits, iou = self.decode(objects.prompts, previous, objects.views)
            single = objects.single.to(self.device) & (previous is None)
            loss, reached = prompt_loss(logits, iou, truth, near, single)
            if learned:
                total = total + loss
            if objects.earlier is not None:
                reached = torch.where(masks.any(3).any(2)[:, 0], reached, iou.detach()[:, 0])
            values = reached.cpu().numpy()
            for key, chosen in kinds.items():
                if chosen.any():
                    name = f"{key}_round{number + 1}" if number else key
                    record.setdefault(name, []).append(float(values[chosen].mean()))
            if number + 1 < practice + rounds:
                best = torch.where(single, 1 + iou[:, 1:].argmax(1), 0)
                at = torch.arange(len(best), device=self.device)
                previous = self._obeyed(logits.detach()[at, best][:, None], objects)
                clicked = rng.random(len(best)) >= self.again
                add_clicks(objects, previous, masks, rng, clicked)
        return total

    def _obeyed(self, shown: Tensor, objects: ViewObjects) -> Tensor:
        """Return logits (P, 1, S, S) as a user sees them."""
        points, signs = _padded_points(objects.prompts, self.device)
        config = self.model.config
        if points is None or signs is None or not config.mask_decoder_config.obey_clicks:
            return shown
        return obeyed(shown, points, signs, config.image_size / config.mask_size)

    def decode(
        self,
        prompts: list[ObjectPrompts],
        previous: Tensor | None = None,
        views: Sequence[int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of P objects.

        Parameters
        ----------
        prompts : list of ObjectPrompts
            Those without a box first.
        previous : Tensor, optional
            (P, 1, S, S) logits of the last round, at the resolution of the masks.
        views : sequence of int, optional
            View of each; the first if left out.

        Returns
        -------
        logits : Tensor
            (P, 4, S, S): the single mask, then the three of an ambiguous prompt.
        iou : Tensor
            (P, 4) predicted.
        """
        of_view = torch.tensor(views or [0] * len(prompts), device=self.device)
        split = sum(p.box is None for p in prompts)
        outputs = []
        for part in (slice(0, split), slice(split, len(prompts))):
            if prompts[part]:
                mask = None if previous is None else previous[part]
                code, pe = self._encode(prompts[part], mask, of_view[part])
                image, skips = self.features
                outputs.append(self.model.mask_decoder.all_masks(image, pe, code, skips))
        return torch.cat([o[0] for o in outputs]), torch.cat([o[1] for o in outputs])

    def _encode(
        self, prompts: list[ObjectPrompts], previous: Tensor | None, of_view: Tensor
    ) -> tuple[PromptCode, Tensor]:
        """Encode prompts, which all have a box or none, and the places of their views."""
        encoder, corners = self.model.prompt_encoder, self.corners[of_view]
        boxes = None
        if prompts[0].box is not None:
            boxes = torch.tensor([p.box for p in prompts], device=self.device)
        points, signs = _padded_points(prompts, self.device)
        mask = None
        if previous is not None:
            mask = F.adaptive_avg_pool2d(previous, MASK_PER_EMBEDDING * self.side)
        code = encoder.windowed((points, signs, boxes), mask, corners, self.side)
        if len(self.corners) == 1:
            return code, encoder.pe_windows(self.corners, self.side)
        return code._replace(images=of_view), encoder.pe_windows(corners, self.side)


def _padded_points(
    prompts: list[ObjectPrompts], device: torch.device
) -> tuple[Tensor | None, Tensor | None]:
    """Return points (P, N, 2) and signs (P, N), N the most that an object has; None for 0."""
    most = max(len(p.points) for p in prompts)
    if not most:
        return None, None
    filled = [
        [*((x, y, float(positive)) for x, y, positive in prompt.points)]
        + [(0.0, 0.0, float(IGNORED))] * (most - len(prompt.points))
        for prompt in prompts
    ]
    given = torch.tensor(filled, device=device)  # (P, N, 3)
    return given[..., :2], given[..., 2].int()


DEEPEST = 8
"""Pixels beyond which an error counts as equally deep."""


@torch.no_grad()
def add_clicks(
    objects: ViewObjects,
    shown: Tensor,
    truth: Tensor,
    rng: np.random.Generator,
    clicked: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Give each object whose mask is not perfect one more point, up to `MAX_POINTS`.

    Half of the clicks go where the error is deepest, half anywhere in it, as in the SAM paper.

    Parameters
    ----------
    objects : ViewObjects
        Changed.
    shown : Tensor
        (P, 1, S, S) logits of the mask that a user would see.
    truth : Tensor
        (P, 1, side, side) of 0 and 1.
    rng : numpy.random.Generator
        Decides where in the error the point goes.
    clicked : numpy.ndarray, optional
        (P,) bool, which are given one at all; all of them if left out.
    """
    chosen = np.ones(len(truth), bool) if clicked is None else clicked
    size = truth.shape[-2:]
    guess = F.interpolate(shown, size=size, mode="bilinear")[:, 0] > 0
    inside = truth[:, 0] > 0.5
    wrong = torch.stack([inside & ~guess, guess & ~inside], dim=1)  # (P, 2, side, side)
    depth, worn = wrong.float(), wrong
    for _ in range(DEEPEST - 1):
        worn = _eroded(worn)
        depth += worn
    generator = torch.Generator(shown.device).manual_seed(int(rng.integers(1 << 62)))
    noise = torch.rand(inside.shape, generator=generator, device=shown.device)
    deep = torch.from_numpy(rng.random(len(inside)) < 0.5).to(shown.device)[:, None, None]
    error = torch.where(deep, depth.amax(1), wrong.any(1).float())
    best = torch.where(error > 0, error + 0.9 * noise, -1.0).flatten(1).max(1)
    there = ((best.values > 0).cpu().numpy() & chosen).tolist()
    missed = inside.flatten(1).gather(1, best.indices[:, None])[:, 0].tolist()
    places = zip(there, best.indices.tolist(), missed, objects.prompts, strict=True)
    for wanted, at, positive, prompt in places:
        if wanted and len(prompt.points) < MAX_POINTS:
            row, col = divmod(at, size[1])
            prompt.points.append((float(col), float(row), bool(positive)))


def _eroded(masks: Tensor) -> Tensor:
    """Take the outermost pixels off masks (..., rows, cols) bool; beyond the frame is outside."""
    wide = F.pad(masks, (1, 1, 1, 1))
    rows = wide[..., :-2, :] & wide[..., 1:-1, :] & wide[..., 2:, :]
    return rows[..., :-2] & rows[..., 1:-1] & rows[..., 2:]
