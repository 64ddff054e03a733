"""Low-rank additions to the attention of an image encoder (Hu et al. 2021, LoRA, section 4.1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

if TYPE_CHECKING:
    from napari_samara.model.sam import SamModel

ADAPTED = ("qkv", "proj")
"""Names of the linear layers that get an addition."""


class LowRank(nn.Module):
    """Adds a product of two thin matrices to a weight; the second starts as zero.

    Parameters
    ----------
    rows, cols : int
        Of the weight.
    rank : int
        Inner size of the product.
    """

    def __init__(self, rows: int, cols: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, cols))
        self.up = nn.Parameter(torch.zeros(rows, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight with the addition."""
        return weight + self.up @ self.down


def add_low_rank(model: SamModel, rank: int) -> list[nn.Parameter]:
    """Give the attention layers of the image encoder additions, which alone learn there.

    Parameters
    ----------
    model : SamModel
        Changed in place; its weights keep their values.
    rank : int
        Of the additions.

    Returns
    -------
    list of Parameter
        What there is to learn.
    """
    added: list[nn.Parameter] = []
    for name, layer in list(model.image_encoder.named_modules()):
        if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in ADAPTED:
            rows, cols = layer.weight.shape
            addition = LowRank(rows, cols, rank).to(layer.weight.device)
            parametrize.register_parametrization(layer, "weight", addition)
            added += addition.parameters()
    return added


def merged_state(model: SamModel) -> dict[str, Tensor]:
    """Return the weights with the additions summed in, under the names of an ordinary model.

    Parameters
    ----------
    model : SamModel
        With additions or without.

    Returns
    -------
    dict of str to Tensor
        For a model of the same configuration.
    """
    inner = ".parametrizations."
    state = {name: value for name, value in model.state_dict().items() if inner not in name}
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear) and parametrize.is_parametrized(layer, "weight"):
            state[f"{name}.weight"] = layer.weight.detach().clone()
    return state
