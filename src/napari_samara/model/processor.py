"""Images and prompts to model input: the call and return conventions of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from napari_samara.geometry import Frame
from napari_samara.model.image_processor import SamImageProcessor, as_tensors
from napari_samara.model.nested_prompts import PADDING, box_arrays, point_arrays

if TYPE_CHECKING:
    import os

    from torch import Tensor

    from napari_samara.model.model_inputs import ModelInputs


class SamProcessor:
    """An image processor that brings prompts into the frame of its images.

    Parameters
    ----------
    image_processor : SamImageProcessor, optional
        SAM's where it is left out.
    """

    def __init__(self, image_processor: SamImageProcessor | None = None) -> None:
        self.image_processor = image_processor or SamImageProcessor()

    def __repr__(self) -> str:
        """Return the image processor."""
        return f"SamProcessor({self.image_processor})"

    @property
    def target_size(self) -> int:
        """Side to which the longer edge of an image is resized."""
        return self.image_processor.config.longest_edge

    @classmethod
    def from_pretrained(cls, source: str | os.PathLike[str], **fields: Any) -> Self:
        """Return the processor of a model.

        Parameters
        ----------
        source : str or path
            Folder, catalog name, hub id, or file.
        **fields
            As for `SamImageProcessor`.

        Returns
        -------
        SamProcessor
            Normalising as that model was trained.

        Raises
        ------
        CheckpointError
            There is no such model, or its files say nonsense.
        """
        return cls(SamImageProcessor.from_pretrained(source, **fields))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write ``preprocessor_config.json``.

        Parameters
        ----------
        folder : str or path
            Made if missing.

        Raises
        ------
        OutputError
            The folder cannot be written.
        """
        self.image_processor.save_pretrained(folder)

    def __call__(
        self,
        images: Any = None,
        *,
        input_points: Any = None,
        input_labels: Any = None,
        input_boxes: Any = None,
        return_tensors: str | None = None,
        **fields: Any,
    ) -> ModelInputs:
        """Bring images and prompts into the form that the model reads.

        Parameters
        ----------
        images : PIL.Image, array_like, Tensor, or list of these
            See `pictures.as_pictures`.
        input_points : nested list, array or Tensor, optional
            Image, object, point, (x, y) in pixels of the image; or image, point, (x, y) for one
            object an image.
        input_labels : nested list, array or Tensor, optional
            The same without (x, y): 1 on the object, 0 off it; -1 and -10 are padding.
        input_boxes : nested list, array or Tensor, optional
            Image, object, (x0, y0, x1, y1) in pixels of the image.
        return_tensors : str, optional
            ``"pt"`` for tensors; arrays are given without it and for ``"np"``.
        **fields
            ``segmentation_maps`` and what else `SamImageProcessor` takes; ``point_pad_value``.

        Returns
        -------
        ModelInputs
            What the image processor gives, and ``input_points`` (B, N, K, 2) float32,
            ``input_labels`` (B, N, K) int64, ``input_boxes`` (B, N, 4) float32 as far as given.
            Lists of points of different lengths are filled up, and have labels to say so.

        Raises
        ------
        ImageError
            No image, or one that is none; maps of another number or size.
        PromptError
            Another nesting, numbers that do not fit each other, a label that means nothing, or
            a box without area.
        """
        padding = fields.pop("point_pad_value", PADDING)
        maps = fields.pop("segmentation_maps", None)
        processor = SamImageProcessor(self.image_processor.config, **fields)
        inputs = processor(images, maps)
        edge = processor.config.longest_edge
        frames = [Frame(rows, cols, edge) for rows, cols in inputs.original_sizes.tolist()]
        inputs.update(point_arrays(input_points, input_labels, frames, padding))
        inputs.update(box_arrays(input_boxes, frames))
        return as_tensors(inputs, return_tensors)

    def post_process_masks(self, *args: Any, **kwargs: Any) -> list[Tensor]:
        """Bring low-resolution logits to the size of each image.

        Parameters
        ----------
        *args, **kwargs
            As `SamImageProcessor.post_process_masks` takes them.

        Returns
        -------
        list of Tensor
            (N, M, rows, cols), one an image.
        """
        return self.image_processor.post_process_masks(*args, **kwargs)
