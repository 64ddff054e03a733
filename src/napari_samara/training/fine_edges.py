"""What the finest features should know of every pixel, asked in training alone.

The maps of `dense` are as coarse as the drawn prompts. Edges are decided at the resolution of the
masks, which only the few prompted objects of a view would teach; here every object does, for the
price of one small product. The reading head is thrown away afterwards (deep supervision, Lee et
al. 2015).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from napari_samara.training.dense import InstanceTargets


class FineEdges(nn.Module):
    """Read inside and boundary from the finest features of an encoder.

    Parameters
    ----------
    channels : int
        Of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(channels, 2, 1)

    def forward(self, features: Tensor, targets: InstanceTargets) -> Tensor:
        """Return the loss of not telling inside and boundary.

        Parameters
        ----------
        features : Tensor
            (B, C, s, s), each position of which stands for as many pixels a side as fit.
        targets : InstanceTargets
            Of B views, on the same device; their side is a multiple of s.

        Returns
        -------
        Tensor
            Scalar: the mean cross-entropy of both maps.
        """
        truth = torch.stack([targets.labels > 0, targets.edge], dim=1).float()
        stride = truth.shape[-1] // features.shape[-1]
        loss: Tensor = F.binary_cross_entropy_with_logits(
            self.maps(features), F.avg_pool2d(truth, stride)
        )
        return 2 * loss
