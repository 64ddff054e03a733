"""Train the 3D U-Net of propagation: ``python -m napari_samara.training.propagation_net``.

A run is saved every two minutes and goes on where it was when the command is given again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from napari_samara.engine.volume_ahead import WEIGHTS
from napari_samara.model.propagation_net import WIDTHS, PropagationNet
from napari_samara.training.first_masks import FirstMasks
from napari_samara.training.net_trainer import NetRecipe, NetTrainer, run_command
from napari_samara.training.propagation_examples import PropagationExamples
from napari_samara.training.samara_tiny import medulla
from napari_samara.training.volume_scenes import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from napari_samara.training.first_masks import First

# Weight of the cross entropy beside that of the Dice; voxels that a Dice is softened by.
_ENTROPY, _SOFT = 4.0, 20.0


@dataclass(frozen=True)
class PropagationRecipe(NetRecipe):
    """What a run does.

    Attributes
    ----------
    real : float
        Share of the volumes that are not generated.
    """

    steps: int = 8000
    batch: int = 16
    rate: float = 2e-3
    decay_from: float = 0.55
    steepest: float = 1.0
    real: float = 0.06


class PropagationTrainer(NetTrainer):
    """One run.

    Parameters
    ----------
    volumes : sequence of Volume
        Real ones to learn from beside those that are generated.
    recipe : PropagationRecipe
        How.
    folder : Path
        Where its state is kept; a run found there goes on.
    widths : sequence of int
        Of the network.
    first : callable, optional
        Makes first masks of some scenes, as `FirstMasks` does.

    Raises
    ------
    CheckpointError
        The state in the folder is damaged.
    """

    MEASURES = ("loss", "dice")

    def __init__(
        self,
        volumes: Sequence[Volume],
        recipe: PropagationRecipe,
        folder: Path,
        widths: Sequence[int] = WIDTHS,
        first: First | None = None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        net = PropagationNet(widths)
        net.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # faster
        drawn = PropagationExamples(volumes, recipe.batch, recipe.real, recipe.seed, first)
        super().__init__(net, drawn, recipe, folder)

    def loss_of(self, *examples: Any) -> tuple[Tensor, tuple[float, ...]]:
        """Return the loss, and it with the soft Dice of the windows."""
        window, inside, weight = examples
        window = window.float().contiguous(memory_format=torch.channels_last_3d)
        loss, dice = propagation_loss(self.net(window), inside.float(), weight)
        return loss, (float(loss.detach()), float(dice.detach()))


def propagation_loss(logits: Tensor, inside: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of windows: cross entropy, and what is missing to the Dice of each.

    Parameters
    ----------
    logits, inside : Tensor, shape (B, D, H, W)
        What was found, and the share of each pixel that lies in the object.
    weight : Tensor, shape (B, D)
        Of the slices.

    Returns
    -------
    Tensor, Tensor
        The loss and the mean soft Dice.
    """
    weight = weight[:, :, None, None]
    each = F.binary_cross_entropy_with_logits(logits, inside, reduction="none")
    found, true = weight * logits.sigmoid(), weight * inside
    both, all_of_both = (found * inside).sum((1, 2, 3)), (found + true).sum((1, 2, 3))
    dice = ((2 * both + _SOFT) / (all_of_both + _SOFT)).mean()
    return _ENTROPY * (weight * each).mean() + 1 - dice, dice


def volumes_of(root: Path) -> list[Volume]:
    """Return the volumes whose licences allow shipping the weights: train parts only.

    Parameters
    ----------
    root : Path
        The folder of evaluation images.

    Raises
    ------
    FileFormatError
        It lacks a file, or one cannot be read.
    """
    return [Volume(*medulla(root))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, continue or export.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the command line.
    """

    def make(data: Path, recipe: PropagationRecipe, out: Path) -> PropagationTrainer:
        return PropagationTrainer(volumes_of(data), recipe, out, first=FirstMasks())

    run_command(__doc__ or "", make, PropagationRecipe(), WEIGHTS, arguments)


if __name__ == "__main__":
    main()
