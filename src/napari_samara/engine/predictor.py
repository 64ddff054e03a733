"""The engine's front door: an image to an embedding, prompts to masks."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from napari_samara.embedding import IMAGE_EMBEDDINGS, Embedding, EmbeddingKey, pixels_digest
from napari_samara.engine.device import DeviceChoice, choose_device, is_out_of_memory
from napari_samara.engine.requests import build_request, checked_boxes, checked_points
from napari_samara.engine.upsample import full_mask
from napari_samara.errors import FrameError, OutOfMemoryError, PromptError
from napari_samara.geometry import Frame, resize_plane
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.masks import Mask
from napari_samara.model.preprocess import PreprocessConfig, normalise
from napari_samara.model.sam import ImageFeatures, SamModel
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_samara.checkpoints.checkpoint import Checkpoint

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
        self.model = model.eval().requires_grad_(False).to(self.device.device)
        self._on_cpu: SamModel | None = None

    def __repr__(self) -> str:
        """Return checkpoint and device."""
        name = self.checkpoint.name if self.checkpoint else "unnamed weights"
        return f"Predictor({name}, {self.device})"

    @property
    def input_size(self) -> int:
        """Side of the square model input, in pixels."""
        return self.model.config.image_size

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
        features = self._with_fallback(lambda model: self._encode(model, pixels))
        arrays = {IMAGE_EMBEDDINGS: features.embedding} | {
            f"high_res_{i}": skip for i, skip in enumerate(features.skips)
        }
        host = {name: value[0].float().cpu().numpy() for name, value in arrays.items()}
        return Embedding(host, frame, self.key(rgb, contrast, plane))

    def predict(
        self,
        embedding: Embedding,
        points: ArrayLike | None = None,
        positive: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask: Any = None,
        multimask: bool | None = None,
        settings: PredictSettings | None = None,
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

        Returns
        -------
        list of Mask
            Best predicted IoU first.

        Raises
        ------
        PromptError
            No prompt, or one that is malformed or outside the image.
        FrameError
            The embedding is of another model family.
        """
        settings = settings or PredictSettings()
        size = self.model.config.mask_input_size
        request = build_request(embedding.frame, size, points, positive, box, mask)
        several = request.ambiguous if multimask is None else multimask
        prompts = request.points, request.signs, request.box, request.mask
        logits, scores = self._with_fallback(
            lambda model: self._decode(model, embedding, prompts, several, best_only=False)
        )
        order = scores[0].argsort(descending=True, stable=True).tolist()
        return [_mask(logits[0, i], float(scores[0, i]), embedding.frame, settings) for i in order]

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
        frame = embedding.frame
        if boxes is not None:
            corners = checked_boxes(boxes, frame)
            xyxy = torch.from_numpy(frame.boxes_to_input(corners))
            return self._chunks(embedding, None, xyxy, settings)
        xy = torch.from_numpy(frame.to_input(checked_points(points, frame)))
        return self._chunks(embedding, xy, None, settings)

    def _chunks(
        self,
        embedding: Embedding,
        points: Tensor | None,
        boxes: Tensor | None,
        settings: PredictSettings,
    ) -> Iterator[Mask]:
        given = points if points is not None else boxes
        count, start, chunk = 0 if given is None else len(given), 0, settings.chunk
        while start < count:
            part = slice(start, start + chunk)
            xy = None if points is None else points[part, None]
            signs = None if xy is None else torch.ones(xy.shape[:2], dtype=torch.int64)
            prompts = xy, signs, None if boxes is None else boxes[part], None
            try:
                logits, scores = self._decode(
                    self.model, embedding, prompts, points is not None, best_only=True
                )
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                chunk = self._smaller(chunk, error)
                continue
            for one, score in zip(logits[:, 0], scores[:, 0], strict=True):
                yield _mask(one, float(score), embedding.frame, settings)
            start += chunk

    def _smaller(self, chunk: int, error: Exception) -> int:
        if chunk == 1:
            raise OutOfMemoryError(
                f"{self.device.device} has no memory for a single prompt; choose a smaller "
                "checkpoint or device='cpu'"
            ) from error
        torch.cuda.empty_cache()
        return chunk // 2

    @torch.inference_mode()
    def _encode(self, model: SamModel, pixels: NDArray[np.float32]) -> ImageFeatures:
        tensor = torch.from_numpy(pixels)[None]  # float32 before it meets a device
        if model.device.type == "cuda":
            tensor = tensor.pin_memory()
        tensor = tensor.to(model.device, non_blocking=True)
        half = self.device.dtype != torch.float32 and model.device.type == self.device.kind
        with torch.autocast(model.device.type, self.device.dtype, enabled=half):
            return model.encode(tensor)

    @torch.inference_mode()
    def _decode(
        self,
        model: SamModel,
        embedding: Embedding,
        prompts: Sequence[Tensor | None],
        multimask: bool,
        best_only: bool,
    ) -> tuple[Tensor, Tensor]:
        """Return logits (P, M, S, S) and scores (P, M) on the host."""
        features = self._features(embedding, model.device)
        code = model.prompt_encoder(*(t if t is None else t.to(model.device) for t in prompts))
        logits, scores = model.decode(features, code, multimask, best_only)
        return logits.cpu(), scores.cpu()

    def _features(self, embedding: Embedding, device: torch.device) -> ImageFeatures:
        config = self.model.config
        side = config.vision_config.embedding_size
        expected = (config.vision_config.output_channels, side, side)
        names = [f"high_res_{i}" for i in range(len(config.mask_decoder_config.skip_channels))]
        fits = embedding.image.shape == expected and embedding.frame.input_size == self.input_size
        if not fits or any(n not in embedding.features for n in names):
            raise FrameError(
                f"this embedding has features {embedding.image.shape} for an input of "
                f"{embedding.frame.input_size} and is of another model; {self!r} reads {expected} "
                f"for {self.input_size}: encode the image again"
            )
        with warnings.catch_warnings():  # the arrays are read-only and nothing writes to them
            warnings.filterwarnings("ignore", message=".*not writable.*")
            tensors = [
                torch.from_numpy(embedding.features[n])[None].to(device)
                for n in (IMAGE_EMBEDDINGS, *names)
            ]
        return ImageFeatures(tensors[0], tuple(tensors[1:]))

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
        warnings.warn(
            f"{self.device.device} is out of memory: this plane runs on the CPU, which is slower; "
            "close other programs that use the GPU or choose a smaller checkpoint",
            RuntimeWarning,
            stacklevel=3,
        )
        if self._on_cpu is None:
            self._on_cpu = copy.deepcopy(self.model).to("cpu")
        return job(self._on_cpu)


def _mask(logits: Tensor, score: float, frame: Frame, settings: PredictSettings) -> Mask:
    data = full_mask(logits, frame, settings.mask_threshold)
    if settings.keep_largest:
        data = largest_piece(data)
    if settings.fill_holes:
        data = np.asarray(ndimage.binary_fill_holes(data), dtype=np.bool_)
    return Mask(data, score, logits.numpy())


def largest_piece(data: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected piece (4-neighbours) of a mask (rows, cols)."""
    pieces, count = ndimage.label(data)
    if count < 2:
        return data
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest: NDArray[np.bool_] = pieces == sizes.argmax()
    return largest
