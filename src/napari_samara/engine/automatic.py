"""All objects of an image without prompts: seeds or a grid, decoded in chunks, kept small."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_samara.engine.automatic_masks import SCORE_SLACK, STABILITY_SLACK, AutomaticMasks
from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.engine.candidate_scores import rated
from napari_samara.engine.candidates import propose
from napari_samara.engine.cell_maps import cut_masks
from napari_samara.engine.chunks import decode_parts
from napari_samara.engine.dense_maps import dense_seeds
from napari_samara.engine.dense_opinion import DenseOpinion
from napari_samara.engine.fitting_windows import OVERLAP, fitting_windows
from napari_samara.engine.point_grid import crop_layers, image_grid, square_grid
from napari_samara.engine.tile_joining import tiles_covering
from napari_samara.errors import SettingsError
from napari_samara.intensity import Contrast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.candidates import Proposal
    from napari_samara.engine.dense_maps import DenseMaps
    from napari_samara.engine.predictor import Predictor
    from napari_samara.masks import PixelBox

FEWEST = 8
"""Seeds from which on their sizes say how large objects are."""

MANY = 150
"""Windows beyond which a few small objects are not worth a closer look at all of the image."""

SAMPLED = 3
"""Windows that are looked at to learn how large objects are."""

FAR = 1.5
"""Pixels of the image for one of the model input from which on small objects cannot be seen."""

COVERING = 0.1
"""Part of the image above which an object does not keep the grid from its inside."""


@dataclass(frozen=True)
class Watch:
    """What a search tells while it runs, and asks.

    Attributes
    ----------
    progress : callable, optional
        Called as ``progress(done, total)`` in prompts; the total may grow while windows are added.
    cancelled : callable, optional
        Asked between chunks; what was found by then is the result.
    found : callable, optional
        Called with the `AutomaticMasks` so far after each chunk, to be shown.
    """

    progress: Callable[[int, int], None] | None = None
    cancelled: Callable[[], bool] | None = None
    found: Callable[[AutomaticMasks], None] | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """The image that is searched.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (rows, cols, 3)
        As the model sees it.
    contrast : Contrast
        How it was made; goes into the keys of embeddings.
    whole : Embedding, optional
        Of all of it, where there is one already.
    """

    rgb: NDArray[np.uint8]
    contrast: Contrast = field(default_factory=Contrast)
    whole: Embedding | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @property
    def box(self) -> PixelBox:
        """All of it."""
        return (0, 0, *self.shape)


def automatic_masks(
    predictor: Predictor,
    scene: Scene,
    settings: AutomaticSettings | None = None,
    watch: Watch | None = None,
) -> AutomaticMasks:
    """Find the objects of an image without prompts.

    Parameters
    ----------
    predictor : Predictor
        The model.
    scene : Scene
        The image.
    settings : AutomaticSettings, optional
        Where to look and what to keep; those of the preset ``cells`` by default.
    watch : Watch, optional
        Progress, cancelling and preview.

    Returns
    -------
    AutomaticMasks
        Candidates and labels; what was found by then where `watch` cancelled.

    Raises
    ------
    SettingsError
        If the source is ``"dense"`` and the checkpoint has no such head.
    OutOfMemoryError
        If there is no memory for the image or for a single prompt.
    """
    return Search(predictor, scene, settings or AutomaticSettings(), watch or Watch()).run()


class Search:
    """One search in one image.

    Parameters
    ----------
    predictor, scene, settings, watch
        As for `automatic_masks`.
    """

    def __init__(
        self, predictor: Predictor, scene: Scene, settings: AutomaticSettings, watch: Watch
    ) -> None:
        self.predictor, self.scene = predictor, scene
        self.settings, self.watch = settings, watch
        self.proposals: list[Proposal] = []
        self.done = self.total = 0
        self._result = AutomaticMasks(scene.shape, predictor.input_size, settings)

    def run(self) -> AutomaticMasks:
        """Search, and return what was found."""
        if self._cancelled():
            return self._found(complete=False)
        whole = self.scene.whole or self._embed(self.scene.box)
        maps = None if self.settings.source == "grid" else self.predictor.dense_maps(whole)
        if maps is None and self.settings.source == "dense":
            raise SettingsError(
                "this checkpoint has no head for dense proposals; take source 'grid' or 'auto'"
            )
        complete = self._grid(whole) if maps is None else self._dense(whole, maps)
        return self._found(complete)

    def _dense(self, whole: Embedding, maps: DenseMaps) -> bool:
        """Decode the seeds of the image, or of windows of it; return whether to the end."""
        windows = self._windows(dense_seeds(maps).sizes)
        counts: list[int] = []
        for number, window in enumerate(windows):
            if self._cancelled():
                return False
            embedding = whole if window == self.scene.box else self._embed(window)
            known = self._maps(embedding), self.predictor.cell_maps(self._part(window))
            points = dense_seeds(known[0]).points
            seen = (points + np.array(window[:2]) < self.scene.shape).all(axis=1)
            counts.append(int(seen.sum()))
            self.total = sum(counts) + round(fmean(counts) * (len(windows) - number - 1))
            if not self._decode(embedding, points[seen], window, known):
                return False
            if self.settings.cut_out:
                self._cut(known, window)
        return True

    def _cut(self, known: Sequence[DenseMaps], box: PixelBox) -> None:
        """Keep the masks that the last of some maps of a window show by themselves."""
        cells = known[-1]
        cut = cut_masks(cells)
        opinions = [DenseOpinion(one, len(cut[0].logits)) for one in known] if cut else []
        for one in cut:
            row, col = one.point[0] + box[0], one.point[1] + box[1]
            if row < self.scene.shape[0] and col < self.scene.shape[1]:
                self._keep_one(torch.from_numpy(one.logits), 0.0, (row, col), box, opinions)
        self._tell()

    def _maps(self, embedding: Embedding) -> DenseMaps:
        maps = self.predictor.dense_maps(embedding)
        assert maps is not None  # `run` has asked
        return maps

    def _windows(self, sizes: NDArray[np.float64]) -> list[PixelBox]:
        """Windows in which objects have the size that the model knows best.

        All of a large image says little of small objects, so that windows of it are looked at, and
        perhaps smaller ones after them.
        """
        shape, side = self.scene.shape, self.predictor.input_size
        whole = [self.scene.box]
        besides: list[PixelBox] = []
        windows, span = whole, max(shape)
        if self.settings.zoom == "never":
            return whole
        while not self._cancelled():
            known = len(sizes) >= (FEWEST if windows == whole else 1)
            if not known and span <= FAR * side:
                break
            fitting = (
                fitting_windows(shape, side, median(sizes), span)
                if known
                else tiles_covering(shape, side, round(OVERLAP * side))
            )
            if besides and len(fitting) > MANY:
                break
            row0, col0, row1, col1 = fitting[0]
            closer = max(row1 - row0, col1 - col0)
            if closer >= span or span <= FAR * side:
                windows = fitting
                break
            seen = self._sampled(fitting)
            if not len(seen):
                windows = fitting if known else windows
                break
            if len(seen) < FEWEST and not known:  # they may be parts of large ones
                besides = whole
            windows, span, sizes = fitting, closer, seen
        return [*besides, *(window for window in windows if window not in besides)]

    def _sampled(self, windows: list[PixelBox]) -> NDArray[np.float64]:
        """Sizes of the seeds in those of some windows that show most."""
        grey = self.scene.rgb.mean(axis=2, dtype=np.float32)
        spread = [float(grey[row0:row1, col0:col1].std()) for row0, col0, row1, col1 in windows]
        chosen = np.argsort(spread, kind="stable")[-SAMPLED:]
        return np.concatenate(
            [dense_seeds(self._maps(self._embed(windows[at]))).sizes for at in chosen]
        )

    def _grid(self, whole: Embedding) -> bool:
        """Decode the points of a grid, in the image and in crops; return whether to the end."""
        settings = self.settings
        crops = crop_layers(self.scene.shape, settings.crop_layers, settings.crop_overlap)
        grids = [self._points(crop.box, crop.layer) for crop in crops]
        self.total = sum(map(len, grids))
        for crop, points in zip(crops, grids, strict=True):
            if self._cancelled():
                return False
            embedding = whole if crop.layer == 0 else self._embed(crop.box)
            if not self._decode(embedding, points, crop.box):
                return False
        return True

    def _points(self, box: PixelBox, layer: int) -> NDArray[np.float64]:
        """Points of the grid in a crop, from its corner."""
        per_side = max(1, self.settings.points_per_side // self.settings.crop_points_factor**layer)
        row0, col0, row1, col1 = box
        if self.settings.grid == "square":
            return square_grid(per_side) * (row1 - row0, col1 - col0)
        return image_grid(self.scene.rgb[row0:row1, col0:col1], per_side)

    def _part(self, box: PixelBox) -> NDArray[np.uint8]:
        """Return a part of the image; what lies beyond its end is mirrored."""
        row0, col0, row1, col1 = box
        part = self.scene.rgb[row0:row1, col0:col1]
        beyond = row1 - row0 - part.shape[0], col1 - col0 - part.shape[1]
        if any(beyond):
            part = np.pad(part, ((0, beyond[0]), (0, beyond[1]), (0, 0)), mode="symmetric")
        return np.ascontiguousarray(part)

    def _embed(self, box: PixelBox) -> Embedding:
        return self.predictor.embed_rgb(self._part(box), self.scene.contrast)

    def _decode(
        self,
        embedding: Embedding,
        points: NDArray[np.float32] | NDArray[np.float64],
        box: PixelBox,
        maps: Sequence[DenseMaps] = (),
    ) -> bool:
        """Decode points of one window in chunks; return whether all of them.

        With the maps that gave the points, the best mask of each is judged by them.
        """
        left, chunk, dense = points, self.settings.chunk, bool(maps)
        opinions = [DenseOpinion(one, self.predictor.model.config.mask_size) for one in maps]
        covered = np.zeros(self.scene.shape, np.bool_)
        while len(left):
            if self._cancelled():
                return False
            now, left = left[:chunk], left[chunk:]
            xy = torch.from_numpy(embedding.frame.to_input(now))
            start = len(self.proposals)
            model, least = self.predictor.model, self._least
            parts = decode_parts(model, embedding, (xy, None), chunk, dense, least)
            for part, logits, scores in parts:
                self._keep(logits, scores, now[part] + box[:2], box, opinions)
            self.done += len(now)
            if self.settings.skip_covered and not dense and len(left):
                self._cover(covered, range(start, len(self.proposals)))
                at = (left + box[:2]).round().astype(int)
                free = ~covered[at[:, 0], at[:, 1]]
                self.total -= int((~free).sum())
                left = left[free]
            self._tell()
        return True

    @property
    def _least(self) -> float:
        """Score below which nothing is kept."""
        return max(self.settings.score - self.settings.keep_more * SCORE_SLACK, 0.0)

    def _keep(
        self,
        logits: torch.Tensor,
        scores: torch.Tensor,
        points: NDArray[np.float64],
        box: PixelBox,
        opinions: Sequence[DenseOpinion],
    ) -> None:
        """Keep of logits (P, M, S, S) and scores (P, M) what may pass, also with lower limits."""
        least = 0.0 if opinions else self._least
        for i, mask in (scores >= least).nonzero().tolist():
            point = float(points[i, 0]), float(points[i, 1])
            self._keep_one(logits[i, mask], float(scores[i, mask]), point, box, opinions)

    def _keep_one(
        self,
        logits: torch.Tensor,
        score: float,
        point: tuple[float, float],
        box: PixelBox,
        opinions: Sequence[DenseOpinion],
    ) -> None:
        """Keep one mask (S, S) if it may pass, also with lower limits."""
        settings = self.settings
        steady = max(settings.stability - settings.keep_more * STABILITY_SLACK, 0.0)
        new = propose(logits, score, point, box, settings.stability_offset)
        if opinions:
            new = self._rated(new, logits, opinions)
        if new.may_pass(self._least, steady):
            self.proposals.append(new)

    def _rated(
        self, new: Proposal, logits: torch.Tensor, opinions: Sequence[DenseOpinion]
    ) -> Proposal:
        """Return a proposal with the score that its opinions give it."""
        return rated(new, logits, opinions)

    def _cover(self, covered: NDArray[np.bool_], numbers: Sequence[int]) -> None:
        """Mark the insides of new objects, where the grid need not look any more."""
        found = self._found(complete=False)
        for number in numbers:
            candidate = found.passing(number)
            if candidate is None or candidate.area > COVERING * covered.size:
                continue
            row0, col0, row1, col1 = candidate.box
            covered[row0:row1, col0:col1] |= candidate.data

    def _found(self, complete: bool) -> AutomaticMasks:
        return self._result.with_proposals(tuple(self.proposals), self.done, complete)

    def _cancelled(self) -> bool:
        return self.watch.cancelled is not None and self.watch.cancelled()

    def _tell(self) -> None:
        if self.watch.progress is not None:
            self.watch.progress(self.done, max(self.total, self.done))
        if self.watch.found is not None:
            self.watch.found(self._found(complete=False))
