"""Points that a checkpoint's own head takes for middles of objects, before any prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor

# Depth times probability of being inside that a middle has at least.
_DEEP = 0.15


@torch.inference_mode()
def object_seeds(
    predictor: Predictor, embedding: Embedding, apart: float
) -> NDArray[np.float32] | None:
    """Return a point in the middle of each object that the head sees.

    Parameters
    ----------
    predictor : Predictor
        The model.
    embedding : Embedding
        Of the image, by this model.
    apart : float
        Distance in pixels of the image within which there is one point only: most of an object.

    Returns
    -------
    ndarray of float32, shape (N, 2), or None
        (row, col), deepest first; None where the family has no such head.
    """
    decoder, frame = predictor.model.mask_decoder, embedding.frame
    if decoder.instance_head is None:
        return None
    names = sorted(name for name in embedding.features if name.startswith("high_res_"))
    device = predictor.model.device
    skips = [torch.from_numpy(np.array(embedding.features[n]))[None].to(device) for n in names]
    maps = decoder.instance_maps(skips)
    if maps is None:
        return None
    depth = (maps.depth[0] * torch.sigmoid(maps.inside[0])).float().cpu().numpy()
    rows, cols = frame.valid_part(depth.shape[0])
    depth = depth[:rows, :cols]
    unit = max(frame.rows, frame.cols) / frame.input_size * decoder.map_stride
    radius = max(1, round(0.35 * apart / unit))
    smooth = ndimage.gaussian_filter(depth, max(0.5, 0.12 * apart / unit))
    near = np.hypot(*(np.indices((2 * radius + 1,) * 2) - radius)) <= radius
    found = np.argwhere(
        (smooth >= ndimage.maximum_filter(smooth, footprint=near)) & (smooth > _DEEP)
    )
    found = found[np.argsort(-smooth[tuple(found.T)], kind="stable")]
    xy = ((found + 0.5) * decoder.map_stride - 0.5)[:, ::-1]
    return np.clip(frame.to_image(xy), 0, np.array([frame.rows, frame.cols]) - 1)
