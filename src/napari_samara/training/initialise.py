"""Starting weights with which a small decoder learns from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_samara.model.transformer import Attention

if TYPE_CHECKING:
    from napari_samara.model.sam import SamModel

CODE_SCALE = 2.0
"""Standard deviation of the frequencies of the position code."""

GAIN = 1.5
"""Of the orthogonal matrices."""


def initialise(model: SamModel, seed: int = 0) -> None:
    """Start the two-way transformer so that a prompt attends to its own place from step one.

    Queries and keys of each attention get the same orthogonal matrix: equal position codes then
    have the largest product. Without it a small decoder learns nothing for thousands of steps.

    Parameters
    ----------
    model : SamModel
        Changed in place; its position code is drawn anew.
    seed : int
        Decides the numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    pe = model.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    pe.copy_(CODE_SCALE * torch.randn(pe.shape, generator=generator))
    for module in model.mask_decoder.transformer.modules():
        if isinstance(module, Attention):
            weight = torch.empty_like(module.q_proj.weight)
            nn.init.orthogonal_(weight, gain=GAIN, generator=generator)
            for proj in (module.q_proj, module.k_proj):
                with torch.no_grad():
                    proj.weight.copy_(weight)
                    proj.bias.zero_()
