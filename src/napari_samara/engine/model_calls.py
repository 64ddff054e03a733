"""Encoding and decoding with a model, wherever it is, and nothing but that."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_samara.embedding import IMAGE_EMBEDDINGS
from napari_samara.engine.box_fit import fitted
from napari_samara.engine.click_obeying import obeyed
from napari_samara.engine.dense_maps import DenseMaps
from napari_samara.errors import FrameError
from napari_samara.model.sam import ImageFeatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.model.sam import SamModel


@torch.inference_mode()
def encode(
    model: SamModel, pixels: NDArray[np.float32], dtype: torch.dtype
) -> dict[str, NDArray[np.float32]]:
    """Encode one plane.

    Parameters
    ----------
    model : SamModel
        On any device.
    pixels : ndarray of float32, shape (3, S, S)
        Normalised.
    dtype : torch.dtype
        Of the products; float32 for all.

    Returns
    -------
    dict of str to ndarray
        Features by name, on the host.
    """
    return encode_batch(model, [pixels], dtype)[0]


@torch.inference_mode()
def encode_batch(
    model: SamModel, pixels: Sequence[NDArray[np.float32]], dtype: torch.dtype
) -> list[dict[str, NDArray[np.float32]]]:
    """Encode several planes at once.

    Parameters
    ----------
    model : SamModel
        On any device.
    pixels : sequence of ndarray of float32, shape (3, S, S)
        Normalised; one or more.
    dtype : torch.dtype
        Of the products; float32 for all.

    Returns
    -------
    list of dict of str to ndarray
        Features by name of each plane, on the host; no two planes share memory.
    """
    given = [torch.from_numpy(plane) for plane in pixels]  # float32 before it meets a device
    tensor = torch.stack(given) if len(given) > 1 else given[0][None]
    if model.device.type == "cuda":
        tensor = tensor.pin_memory()
    tensor = tensor.to(model.device, non_blocking=True)
    plain = dtype == torch.float32  # torch 2.4 has no autocast for mps, not even a disabled one
    with nullcontext() if plain else torch.autocast(model.device.type, dtype):
        found = model.encode(tensor)
    named = {IMAGE_EMBEDDINGS: found.embedding}
    named |= {f"high_res_{i}": skip for i, skip in enumerate(found.skips)}
    planes = range(len(pixels))
    return [{name: _on_host(value, i) for name, value in named.items()} for i in planes]


@torch.inference_mode()
def decode(
    model: SamModel,
    embedding: Embedding,
    prompts: Sequence[Tensor | None],
    multimask: bool,
    best_only: bool,
    least: float = 0.0,
    by_hand: bool = True,
) -> tuple[Tensor, Tensor]:
    """Decode prompts.

    Where the family takes a second look, the best mask of a single point is handed back to the
    decoder together with the point, and what comes out takes its place. Masks are held to boxes and
    points by hand where it does that, see `box_fit` and `click_obeying`.

    Parameters
    ----------
    model : SamModel
        On any device.
    embedding : Embedding
        That this model has made.
    prompts : sequence of Tensor or None
        Points (P, N, 2), signs (P, N), boxes (P, 4) and mask (P, 1, S, S).
    multimask : bool
        Whether to give several masks a prompt.
    best_only : bool
        Whether to give only the best of them.
    least : float
        Of several masks that are all asked for: predicted IoU below which they need not be made,
        so that their logits may be zero.
    by_hand : bool
        Whether prompts are those of a user: boxes are tight, and points count.

    Returns
    -------
    logits, scores : Tensor
        (P, M, S, S) and (P, M), on the host.

    Raises
    ------
    FrameError
        If the embedding is of another model family.
    """
    features, config = _features(embedding, model), model.config.mask_decoder_config
    given = [t if t is None else t.to(model.device) for t in prompts]
    code = model.prompt_encoder(*given)
    if multimask and not best_only and least > 0:
        logits, scores = model.decode_good(features, code, least)
    else:
        logits, scores = model.decode(features, code, multimask, best_only)
    points, signs, boxes, masks = given
    alone = points is not None and points.shape[1] == 1 and boxes is None and masks is None
    if multimask and alone and config.second_look:
        _look_again(model, features, (points, signs), (logits, scores))
    if by_hand and boxes is not None and masks is None and config.fit_boxes:
        logits = fitted(logits, boxes, embedding.frame)
    if by_hand and points is not None and signs is not None and not alone and config.obey_clicks:
        stride = embedding.frame.input_size / logits.shape[-1]
        logits = obeyed(logits, points, signs, stride)
    return logits.cpu(), scores.cpu()


def _look_again(
    model: SamModel,
    features: ImageFeatures,
    prompts: tuple[Tensor | None, Tensor | None],
    found: tuple[Tensor, Tensor],
) -> None:
    """Decode the best masks of points once more, each as a prompt beside its point, in place."""
    logits, scores = found
    best = torch.arange(len(scores), device=scores.device), scores.argmax(1)
    shown = F.adaptive_avg_pool2d(logits[best][:, None], model.config.mask_input_size)
    code = model.prompt_encoder(*prompts, None, shown)
    again, score = model.decode(features, code, multimask_output=False)
    logits[best], scores[best] = again[:, 0], score[:, 0]


@torch.inference_mode()
def dense_maps(model: SamModel, embedding: Embedding) -> DenseMaps | None:
    """Return what the model's own head says of an image before any prompt.

    Parameters
    ----------
    model : SamModel
        On any device.
    embedding : Embedding
        That this model has made.

    Returns
    -------
    DenseMaps or None
        On the host; None where the model has no such head.

    Raises
    ------
    FrameError
        If the embedding is of another model family.
    """
    maps = model.mask_decoder.instance_maps(_features(embedding, model).skips)
    if maps is None:
        return None
    return DenseMaps.of(maps, model.mask_decoder.map_stride, embedding.frame)


def warn_of_fallback(device: str) -> None:
    """Tell the user that a device is out of memory and the CPU does its work.

    Parameters
    ----------
    device : str
        As torch names it.
    """
    warnings.warn(
        f"{device} is out of memory: this plane runs on the CPU, which is slower; "
        "close other programs that use the GPU or choose a smaller checkpoint",
        RuntimeWarning,
        stacklevel=4,
    )


def _on_host(batch: Tensor, index: int) -> NDArray[np.float32]:
    """One plane of a batch, which does not keep the others in memory."""
    plane = batch[index].float().cpu()
    return (plane.clone() if len(batch) > 1 else plane).numpy()


def _features(embedding: Embedding, model: SamModel) -> ImageFeatures:
    config = model.config
    side = config.vision_config.embedding_size
    expected = (config.vision_config.output_channels, side, side)
    names = [f"high_res_{i}" for i in range(len(config.mask_decoder_config.skip_channels))]
    fits = embedding.image.shape == expected and embedding.frame.input_size == config.image_size
    if not fits or any(n not in embedding.features for n in names):
        raise FrameError(
            f"this embedding has features {embedding.image.shape} for an input of "
            f"{embedding.frame.input_size} and is of another model; this one reads {expected} "
            f"for {config.image_size}: encode the image again"
        )
    with warnings.catch_warnings():  # the arrays are read-only and nothing writes to them
        warnings.filterwarnings("ignore", message=".*not writable.*")
        tensors = [
            torch.from_numpy(embedding.features[n])[None].to(model.device)
            for n in (IMAGE_EMBEDDINGS, *names)
        ]
    return ImageFeatures(tensors[0], tuple(tensors[1:]))
