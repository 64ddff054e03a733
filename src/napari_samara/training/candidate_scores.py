"""Fit what judges the masks of Find all: ``python -m napari_samara.training.candidate_scores``.

Searches labelled images as users do, without limits, and learns from the facts of each mask whether
an object of the image meets it with an IoU of one half or more. Every image counts the same, and
each object three times, so that the limit of 0.6 suits these scores as it suits predicted IoU.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.checkpoints.load import load_checkpoint
from napari_samara.engine.automatic import Scene, Search, Watch
from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.engine.candidate_scores import FARTHEST, WEIGHTS, CandidateScores
from napari_samara.engine.dense_opinion import FACTS, mask_facts
from napari_samara.engine.device import choose_device
from napari_samara.engine.predictor import Predictor
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.training.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.candidates import Candidate, Proposal
    from napari_samara.engine.dense_opinion import DenseOpinion
    from napari_samara.training.data import LabelledImage

DATASETS = ("dsb2018", "usiigaci")
"""Searched by default."""

PARTLY_LABELLED = ("usiigaci",)
"""Of these, masks that no label meets say nothing: they may be objects that nobody has drawn."""

OBJECT = 0.5
"""IoU from which on a mask counts as an object."""

OBJECTS_COUNT = 3.0
"""How much more an object counts than a mistake."""

FEWEST = 10
"""Masks as many as which those of an image count at least."""

NETWORKS = 10
"""That are fitted: one alone differs from the next by 0.006 of AP."""

HIDDEN = 16
"""Units of each hidden layer."""


class Examples(NamedTuple):
    """Masks of one image.

    Attributes
    ----------
    facts : ndarray of float32, shape (N, F)
        What is known of each.
    ious : ndarray of float64, shape (N,)
        With the object that it meets best; 0 where it meets none.
    """

    facts: NDArray[np.float32]
    ious: NDArray[np.float64]


class Examined(Search):
    """A search that keeps what is known of every mask, and whether it is an object.

    Parameters
    ----------
    predictor : Predictor
        With a dense head.
    item : LabelledImage
        The image and its objects.
    """

    def __init__(self, predictor: Predictor, item: LabelledImage) -> None:
        contrast = Contrast()
        scene = Scene(to_rgb(item.image, contrast), contrast)
        settings = AutomaticSettings.preset("cells", source="dense", score=0.0, stability=0.0)
        super().__init__(predictor, scene, settings, Watch())
        self.item = item
        self.areas = np.bincount(item.labels.ravel())
        self._facts: list[NDArray[np.float32]] = []
        self._ious: list[float] = []

    def examples(self) -> Examples:
        """Search, and return what was learned."""
        self.run()
        facts = np.array(self._facts, np.float32).reshape(-1, len(FACTS))
        return Examples(facts, np.array(self._ious))

    def _rated(self, new: Proposal, logits: Tensor, opinions: Sequence[DenseOpinion]) -> Proposal:
        """Note what is known of a mask, and pass it on as it is."""
        whole = new.candidate(self.predictor.input_size, self.settings.stability_offset)
        found = None if whole is None else whole.inside(self.scene.shape)
        if found is not None and not found.touches(self.scene.shape, self.settings.edge):
            iou = self._iou(found)
            if iou > 0 or self.item.dataset not in PARTLY_LABELLED:
                facts = mask_facts(logits.numpy(), new.score, new.stability, opinions)
                self._facts.append(facts)
                self._ious.append(iou)
        return new

    def _iou(self, found: Candidate) -> float:
        """IoU with the object that meets it best."""
        row0, col0, row1, col1 = found.box
        under = np.bincount(
            self.item.labels[row0:row1, col0:col1][found.data], minlength=len(self.areas)
        )
        union = found.area + self.areas - under
        return float((under[1:] / np.maximum(union[1:], 1)).max(initial=0.0))


def fit(images: Sequence[Examples], steps: int = 3000, networks: int = NETWORKS) -> CandidateScores:
    """Fit networks to the masks of some images.

    Parameters
    ----------
    images : sequence of Examples
        One at least with masks.
    steps : int
        Of the optimiser, for each network.
    networks : int
        How many; where they begin and what they see differs.

    Returns
    -------
    CandidateScores
        New.
    """
    facts = np.concatenate([one.facts for one in images]).astype(np.float64)
    good = np.concatenate([one.ious for one in images]) >= OBJECT
    share = np.concatenate([np.full(len(i.ious), 1 / max(len(i.ious), FEWEST)) for i in images])
    share = share * np.where(good, OBJECTS_COUNT, 1.0)
    mean, spread = facts.mean(axis=0), facts.std(axis=0) + 1e-6
    given = torch.from_numpy(np.clip((facts - mean) / spread, -FARTHEST, FARTHEST)).float()
    wanted, weight = torch.from_numpy(good).float(), torch.from_numpy(share / share.mean()).float()
    fitted = [_layers(given, wanted, weight, steps, seed) for seed in range(networks)]
    layers = tuple(
        (
            np.stack([one.weight.detach().numpy().T for one in same]),
            np.stack([one.bias.detach().numpy()[None] for one in same]),
        )
        for same in zip(*fitted, strict=True)
    )
    return CandidateScores(mean, spread, layers)


def _layers(
    given: Tensor, wanted: Tensor, weight: Tensor, steps: int, seed: int
) -> list[nn.Linear]:
    """Fit one network and return its layers."""
    torch.manual_seed(seed)
    sizes = (len(FACTS), HIDDEN, HIDDEN, 1)
    layers = [nn.Linear(*pair) for pair in pairwise(sizes)]
    net = nn.Sequential(layers[0], nn.SiLU(), layers[1], nn.SiLU(), layers[2])
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.01)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        some = torch.randint(len(given), (512,))
        said = net(given[some])[:, 0]
        loss = F.binary_cross_entropy_with_logits(said, wanted[some], weight[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
    return layers


def main(arguments: Sequence[str] | None = None) -> None:
    """Search the training images of a folder, fit and write.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the command line.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with a MANIFEST.tsv")
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS))
    parser.add_argument("--part", default="train")
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args(arguments)
    loaded = load_checkpoint(options.checkpoint)
    predictor = Predictor(loaded.model, loaded.preprocess, choice=choose_device(options.device))
    found = []
    for item in read_manifest(options.data, options.part, tuple(options.datasets)):
        found.append(Examined(predictor, item).examples())
        good = int((found[-1].ious >= OBJECT).sum())
        print(f"{item.name}: {len(found[-1].ious)} masks, {good} of objects", flush=True)
    options.out.write_text(fit(found).to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
