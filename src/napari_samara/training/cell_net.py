"""Train the U-Net of Find all: ``python -m napari_samara.training.cell_net --data FOLDER``.

A run is saved every two minutes and goes on where it was when the command is given again. One image
of five is left out (`is_left_out`), so that it can be seen how much better the network knows those
it has learned from.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.utils.memory_format import convert_conv2d_weight_memory_format
from torch.utils.data import Dataset

from napari_samara.engine.cell_maps import WEIGHTS
from napari_samara.errors import SettingsError
from napari_samara.model.cell_net import WIDTHS, CellNet
from napari_samara.model.instance_maps import InstanceMaps
from napari_samara.training.dense import InstanceTargets, dense_loss, instance_targets
from napari_samara.training.net_trainer import NetRecipe, NetTrainer, run_command
from napari_samara.training.samara_tiny import sources
from napari_samara.training.views import Source, Views

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from napari_samara.training.data import LabelledImage

SHARES = (0.40, 0.30, 0.11, 0.07, 0.03, 0.05)
"""How often the `sources` are drawn from: nuclei more often than for a SAM."""

EVERY = 5
"""Of so many images one is left out."""

FEW = 20
"""Images below which a source has too few to leave any out."""

MOST_OBJECTS = 5
"""Objects of a view that are found from one pixel each."""


@dataclass(frozen=True)
class CellRecipe(NetRecipe):
    """What a run does.

    Attributes
    ----------
    side : int
        Of the views, in pixels of the input.
    phantoms : float
        Share of generated views.
    """

    steps: int = 6000
    batch: int = 8
    rate: float = 3e-3
    side: int = 256
    phantoms: float = 0.08


def is_left_out(image: LabelledImage) -> bool:
    """Return whether the network does not learn from an image, by the name of it."""
    return zlib.crc32(image.name.encode()) % EVERY == 0


def learned_from(given: Sequence[Source]) -> list[Source]:
    """Return sources as a run draws from them, as often as `SHARES` says.

    Parameters
    ----------
    given : sequence of Source
        Those of `samara_tiny.sources`.

    Returns
    -------
    list of Source
        Without the images that are left out, where there are more than a few.
    """
    parts = []
    for source, share in zip(given, SHARES, strict=True):
        few = len(source.images) < FEW
        parts.append(Source([i for i in source.images if few or not is_left_out(i)], share))
    return parts


class CellViews(Dataset[tuple["Tensor", InstanceTargets]]):
    """Views of a step and what is true of them, by its number.

    Parameters
    ----------
    views : Views
        What to draw from.
    recipe : CellRecipe
        How.
    """

    def __init__(self, views: Views, recipe: CellRecipe) -> None:
        self.views, self.recipe = views, recipe

    def __getitem__(self, step: int) -> tuple[Tensor, InstanceTargets]:
        """Return pixels (V, 3, side, side) and targets."""
        rng = np.random.default_rng((self.recipe.seed, step))
        crops = [self.views.draw(rng, self.recipe.side) for _ in range(self.recipe.batch)]
        pixels = torch.from_numpy(np.stack([crop.pixels for crop in crops]))
        stride = CellNet.STRIDE
        known = [instance_targets(crop.labels, rng, stride, MOST_OBJECTS) for crop in crops]
        return pixels, InstanceTargets.of_views(known)


class CellTrainer(NetTrainer):
    """One run.

    Parameters
    ----------
    views : Views
        What to learn from.
    recipe : CellRecipe
        How.
    folder : Path
        Where its state is kept; a run found there goes on.
    widths : sequence of int
        Of the network.

    Raises
    ------
    SettingsError
        The side of the views does not suit the network.
    CheckpointError
        The state in the folder is damaged.
    """

    MEASURES = ("loss", "iou")

    def __init__(
        self, views: Views, recipe: CellRecipe, folder: Path, widths: Sequence[int] = WIDTHS
    ) -> None:
        torch.manual_seed(recipe.seed)
        net = CellNet(widths)
        convert_conv2d_weight_memory_format(net, torch.channels_last)  # faster on a CPU
        if recipe.side % net.coarsest:
            raise SettingsError(
                f"the side of views must be a multiple of {net.coarsest}, got {recipe.side}"
            )
        super().__init__(net, CellViews(views, recipe), recipe, folder)

    def loss_of(self, *examples: Any) -> tuple[Tensor, tuple[float, ...]]:
        """Return the loss, and it with the IoU of objects found from one pixel."""
        pixels, targets = examples
        maps = self.net(pixels.contiguous(memory_format=torch.channels_last))
        loss, iou = dense_loss(InstanceMaps(*maps), targets, CellNet.STRIDE)
        return loss, (float(loss.detach()), np.nan if iou is None else float(iou))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, continue or export.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the command line.
    """

    def make(data: Path, recipe: CellRecipe, out: Path) -> CellTrainer:
        return CellTrainer(Views(learned_from(sources(data)), recipe.phantoms), recipe, out)

    run_command(__doc__ or "", make, CellRecipe(), WEIGHTS, arguments)


if __name__ == "__main__":
    main()
