"""The engine's front door: an image to an embedding, prompts to masks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from napari_samara.embedding import Embedding, EmbeddingKey, pixels_digest
from napari_samara.engine.cell_maps import cell_maps
from napari_samara.engine.chunks import decode_chunks
from napari_samara.engine.click_steps import ShownMasks, mask_before
from napari_samara.engine.device import DeviceChoice, choose_device, is_out_of_memory
from napari_samara.engine.finish import finished_mask, largest_piece
from napari_samara.engine.model_calls import decode, dense_maps, encode, warn_of_fallback
from napari_samara.engine.requests import (
    build_request,
    checked_boxes,
    checked_points,
    checked_steps,
)
from napari_samara.engine.threads import leaving
from napari_samara.errors import OutOfMemoryError, PromptError
from napari_samara.geometry import Frame, resize_plane
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.model.preprocess import PreprocessConfig, normalise
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from napari_samara.checkpoints.checkpoint import Checkpoint
    from napari_samara.engine.dense_maps import DenseMaps
    from napari_samara.engine.requests import Request
    from napari_samara.masks import Mask
    from napari_samara.model.sam import SamModel

__all__ = ["Predictor", "largest_piece"]

Result = TypeVar("Result")


class Predictor:
    """A model on a device; holds no image, so one can serve many threads and images.

    Parameters
    ----------
    model : SamModel
        With weights; put into evaluation mode and moved to the device.
    preprocess : PreprocessConfig
        How pixels are normalised for it.
    checkpoint : Checkpoint, optional
        Identity of the weights, which embedding keys name.
    choice : DeviceChoice, optional
        Where and how it runs; chosen automatically where left out.

    Attributes
    ----------
    spare_cores : int
        Cores of the machine that `predict` leaves to others: a viewer that draws meanwhile.
    """

    def __init__(
        self,
        model: SamModel,
        preprocess: PreprocessConfig | None = None,
        checkpoint: Checkpoint | None = None,
        choice: DeviceChoice | None = None,
    ) -> None:
        self.device = choice or choose_device()
        self.preprocess = preprocess or PreprocessConfig(
            model.config.image_size, model.config.image_size
        )
        self.checkpoint = checkpoint
        self.spare_cores = 0
        self.model = model.eval().requires_grad_(False).to(self.device.device)
        self._on_cpu: SamModel | None = None
        self._shown = ShownMasks()

    def __repr__(self) -> str:
        """Return checkpoint and device."""
        name = self.checkpoint.name if self.checkpoint else "unnamed weights"
        return f"Predictor({name}, {self.device})"

    @property
    def input_size(self) -> int:
        """Side of the square model input, in pixels."""
        return self.model.config.image_size

    @property
    def has_dense_head(self) -> bool:
        """Whether `dense_maps` has something to say."""
        return self.model.mask_decoder.instance_head is not None

    def key(
        self, rgb: NDArray[np.uint8], contrast: Contrast, plane: Mapping[str, Any] | str = ""
    ) -> EmbeddingKey:
        """Return the key under which the embedding of an RGB plane is stored.

        Parameters
        ----------
        rgb : numpy.ndarray
            (rows, cols, 3) uint8, as it is encoded.
        contrast : Contrast
            How it was made.
        plane : mapping or str
            Which plane of an image it is (`Plane.to_dict`).
        """
        return EmbeddingKey(
            pixels=pixels_digest(rgb),
            plane=plane,  # type: ignore[arg-type]
            checkpoint=self.checkpoint.sha256 if self.checkpoint else "",
            intensity=contrast.to_dict(),  # type: ignore[arg-type]
            precision=self.device.precision,
        )

    def embed(
        self,
        image: Any,
        contrast: Contrast | None = None,
        plane: Mapping[str, Any] | str = "",
    ) -> Embedding:
        """Encode one plane.

        Parameters
        ----------
        image : array_like
            (rows, cols) or (rows, cols, channels), any integer or float type, or bool.
        contrast : Contrast, optional
            How values become 8-bit RGB; ``auto`` takes uint8 as it is and stretches other types
            between percentiles.
        plane : mapping or str
            Which plane of a larger image it is; becomes part of the key.

        Returns
        -------
        Embedding
            On the host, with its key.

        Raises
        ------
        ImageError
            The image is empty, has another number of axes, or is not made of real numbers.
        OutOfMemoryError
            Neither the device nor the host has the memory.
        """
        contrast = contrast or Contrast()
        return self.embed_rgb(to_rgb(image, contrast), contrast, plane)

    def embed_rgb(
        self, rgb: NDArray[np.uint8], contrast: Contrast, plane: Mapping[str, Any] | str = ""
    ) -> Embedding:
        """Encode a plane that is 8-bit RGB already; `contrast` only goes into the key."""
        frame = Frame(rgb.shape[0], rgb.shape[1], self.input_size)
        pixels = normalise(resize_plane(rgb, frame), self.preprocess)

        def job(model: SamModel) -> dict[str, NDArray[np.float32]]:
            half = model.device.type == self.device.kind  # the CPU, fallen back to, has none
            return encode(model, pixels, self.device.dtype if half else torch.float32)

        host = self._with_fallback(job)
        return Embedding(host, frame, self.key(rgb, contrast, plane))

    def dense_maps(self, embedding: Embedding) -> DenseMaps | None:
        """Return what the checkpoint's own head says of an image before any prompt.

        Parameters
        ----------
        embedding : Embedding
            Of the image, by this checkpoint; new or from a store.

        Returns
        -------
        DenseMaps or None
            None where the checkpoint has no such head.

        Raises
        ------
        FrameError
            The embedding is of another model family.
        """
        return self._with_fallback(lambda model: dense_maps(model, embedding))

    def cell_maps(self, rgb: NDArray[np.uint8]) -> DenseMaps:
        """Return what the network that comes with the package says of the cells in an image.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (rows, cols, 3)
            The image, or a window of it.

        Returns
        -------
        DenseMaps
            The same for every checkpoint.
        """
        return self._with_fallback(lambda model: cell_maps(rgb, model.device))

    def predict(
        self,
        embedding: Embedding,
        points: ArrayLike | None = None,
        positive: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask: Any = None,
        multimask: bool | None = None,
        settings: PredictSettings | None = None,
        steps: ArrayLike | None = None,
    ) -> list[Mask]:
        """Decode the prompts of one object.

        Parameters
        ----------
        embedding : Embedding
            Of the image, by this checkpoint.
        points : array_like, shape (N, 2), optional
            (row, col) in pixels of the image, pixel centres at whole numbers.
        positive : array_like of bool, shape (N,), optional
            Whether each point lies on the object; all do where left out.
        box : array_like, shape (4,), optional
            (row0, col0, row1, col1), half-open.
        mask : array_like or Mask, optional
            Boolean (rows, cols), or an earlier mask or its logits, to refine.
        multimask : bool, optional
            Whether to give three masks in place of one; by default for a single point only.
        settings : PredictSettings, optional
            Threshold and clean-up.
        steps : array_like of int, shape (N,), optional
            Number of the prompt that each point came with, from 1 on, in the order in which they
            were given; 0 for points that came with the box or the mask.  Families that look at the
            mask before (``click_by_click``) find the object prompt by prompt then.  All points at
            once where left out.

        Returns
        -------
        list of Mask
            Best predicted IoU first.

        Raises
        ------
        PromptError
            No prompt, or one that is malformed or outside the image, or not one step a point.
        FrameError
            The embedding is of another model family.
        """
        settings, size = settings or PredictSettings(), self.model.config.mask_input_size
        asked = build_request(embedding.frame, size, points, positive, box, mask)
        several = asked.ambiguous if multimask is None else multimask
        numbers = checked_steps(steps, asked)
        with leaving(self.spare_cores):
            logits, scores = self._with_fallback(
                lambda model: self._decoded(model, embedding, asked, numbers, several)
            )
            order = scores[0].argsort(descending=True, stable=True).tolist()
            return [
                finished_mask(logits[0, i], float(scores[0, i]), embedding.frame, settings)
                for i in order
            ]

    def _decoded(
        self,
        model: SamModel,
        embedding: Embedding,
        asked: Request,
        steps: NDArray[np.int64] | None,
        several: bool,
    ) -> tuple[Tensor, Tensor]:
        """Decode the prompts of one object, step by step where the family does that."""
        mask = asked.mask
        if steps is not None and model.config.mask_decoder_config.click_by_click:
            mask = mask_before(model, embedding, asked, steps, self._shown)
        prompts = asked.points, asked.signs, asked.box, mask
        return decode(model, embedding, prompts, several, best_only=False)

    def mask_of(
        self,
        logits: NDArray[np.float32],
        size: tuple[int, int],
        score: float = 1.0,
        settings: PredictSettings | None = None,
    ) -> Mask:
        """Make a mask of its logits, with another threshold or clean-up; nothing is decoded.

        Parameters
        ----------
        logits : ndarray of float32, shape (S, S)
            Of a mask that this predictor has found.
        size : tuple of int
            (rows, cols) of the image it was found in.
        score : float
            Predicted IoU, which depends on no setting.
        settings : PredictSettings, optional
            Threshold and clean-up.

        Returns
        -------
        Mask
            Pixel for pixel what decoding its prompts with these settings gives.
        """
        frame, tensor = Frame(*size, self.input_size), torch.from_numpy(np.array(logits))
        return finished_mask(tensor, score, frame, settings or PredictSettings())

    def predict_many(
        self,
        embedding: Embedding,
        boxes: ArrayLike | None = None,
        points: ArrayLike | None = None,
        settings: PredictSettings | None = None,
    ) -> list[Mask]:
        """Decode one object for each prompt, many at once.

        Parameters
        ----------
        embedding : Embedding
            Of the image, by this checkpoint.
        boxes : array_like, shape (N, 4), optional
            (row0, col0, row1, col1) each. This or `points`.
        points : array_like, shape (N, 2), optional
            (row, col) each, every one on an object of its own.
        settings : PredictSettings, optional
            Threshold, clean-up and how many prompts are decoded together.

        Returns
        -------
        list of Mask
            The best mask of each prompt, in order.

        Raises
        ------
        PromptError
            Both or neither kind is given, or a prompt is malformed or outside the image.
        """
        return list(self.iterate_many(embedding, boxes, points, settings))

    def iterate_many(
        self,
        embedding: Embedding,
        boxes: ArrayLike | None = None,
        points: ArrayLike | None = None,
        settings: PredictSettings | None = None,
    ) -> Iterator[Mask]:
        """Yield what `predict_many` returns, one by one, so that only a chunk is in memory."""
        if (boxes is None) == (points is None):
            raise PromptError("give either boxes or points, and only one of them")
        settings = settings or PredictSettings()
        frame, xy, xyxy = embedding.frame, None, None
        if boxes is not None:
            xyxy = torch.from_numpy(frame.boxes_to_input(checked_boxes(boxes, frame)))
        else:
            xy = torch.from_numpy(frame.to_input(checked_points(points, frame)))
        found = decode_chunks(self.model, embedding, xy, xyxy, settings.chunk)
        return (finished_mask(logits, score, frame, settings) for logits, score in found)

    def _with_fallback(self, job: Callable[[SamModel], Result]) -> Result:
        """Run on the device, and on the CPU where the device is out of memory."""
        try:
            return job(self.model)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if self.device.kind == "cpu":
                raise OutOfMemoryError(f"no memory for this image on the CPU: {error}") from error
        torch.cuda.empty_cache()
        warn_of_fallback(self.device.device)
        if self._on_cpu is None:
            self._on_cpu = copy.deepcopy(self.model).to("cpu")
        return job(self._on_cpu)
