"""Images to model input and mask logits back to images.

Calls and results follow ``SamImageProcessor`` of Hugging Face transformers; pixels are resized,
normalised and padded by the same functions that the engine uses.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from PIL import Image

from napari_samara.errors import ImageError, SettingsError
from napari_samara.geometry import Frame, resize_plane
from napari_samara.model.full_size import full_size_masks
from napari_samara.model.model_inputs import ModelInputs
from napari_samara.model.pictures import Picture, as_maps, as_pictures
from napari_samara.model.preprocess import SCALE_8_BIT, PreprocessConfig, normalise
from napari_samara.model.preprocess_file import read_preprocess, write_preprocess

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor


class SamImageProcessor:
    """Resize, normalise and pad images; bring masks back to their size.

    Parameters
    ----------
    config : PreprocessConfig, optional
        What is done; SAM's where it is left out.
    **fields
        Changes to it, named as in ``preprocessor_config.json``: ``size``, ``pad_size``,
        ``image_mean``, ``do_normalize`` and so on.

    Raises
    ------
    CheckpointError
        A field that says nonsense or asks for something else than SAM's resizing and padding.
    TypeError
        A field that does not exist.
    """

    model_input_names = ("pixel_values",)

    def __init__(self, config: PreprocessConfig | None = None, **fields: Any) -> None:
        self.config = _changed(config or PreprocessConfig(), fields)

    def __repr__(self) -> str:
        """Return what is done."""
        return f"SamImageProcessor({self.config})"

    @property
    def size(self) -> dict[str, int]:
        """Side to which the longer edge is resized."""
        return {"longest_edge": self.config.longest_edge}

    @property
    def pad_size(self) -> dict[str, int]:
        """Sides of the padded input."""
        return {"height": self.config.pad_size, "width": self.config.pad_size}

    @classmethod
    def from_pretrained(cls, source: str | os.PathLike[str], **fields: Any) -> Self:
        """Return the processor of a model.

        Parameters
        ----------
        source : str or path
            Folder, catalog name, hub id, or file.
        **fields
            As for the class.

        Returns
        -------
        SamImageProcessor
            Normalising as that model was trained.

        Raises
        ------
        CheckpointError
            There is no such model, or its files say nonsense.
        """
        return cls(_preprocess_of(source), **fields)

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
        write_preprocess(self.config, folder)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of ``preprocessor_config.json``."""
        return self.config.to_dict()

    def __call__(
        self,
        images: Any,
        segmentation_maps: Any = None,
        return_tensors: str | None = None,
        **fields: Any,
    ) -> ModelInputs:
        """Bring images into the form that the model reads.

        Parameters
        ----------
        images : PIL.Image, array_like, Tensor, or list of these
            See `pictures.as_pictures`.
        segmentation_maps : PIL.Image, array_like, Tensor, or list of these, optional
            Integer maps (rows, cols), one an image and of its size.
        return_tensors : str, optional
            ``"pt"`` for tensors; arrays are given without it and for ``"np"``.
        **fields
            As for the class, for this call only.

        Returns
        -------
        ModelInputs
            ``pixel_values`` (B, 3, S, S) float32; ``original_sizes`` and ``reshaped_input_sizes``
            (B, 2) int64, rows and columns; ``labels`` (B, s, s) int64 where maps were given.

        Raises
        ------
        ImageError
            No image, or one that is none; maps of another number or size.
        """
        config = _changed(self.config, fields)
        pictures = as_pictures(images)
        frames = [Frame(len(p.rgb), p.rgb.shape[1], config.longest_edge) for p in pictures]
        data: dict[str, NDArray[Any]] = {
            "pixel_values": np.stack(
                [_normalised(p, f, config) for p, f in zip(pictures, frames, strict=True)]
            ),
            "original_sizes": np.array([(f.rows, f.cols) for f in frames], np.int64),
            "reshaped_input_sizes": np.array([f.resized for f in frames], np.int64),
        }
        if segmentation_maps is not None:
            data["labels"] = _labels(as_maps(segmentation_maps), frames, config)
        return as_tensors(data, return_tensors)

    preprocess = __call__

    def post_process_masks(
        self,
        masks: Tensor | Sequence[Any],
        original_sizes: Any,
        reshaped_input_sizes: Any,
        mask_threshold: float = 0.0,
        binarize: bool = True,
        pad_size: Mapping[str, int] | int | None = None,
    ) -> list[Tensor]:
        """Bring low-resolution logits to the size of each image.

        Bilinear to the model input, padding cut off, bilinear to the image, threshold last.

        Parameters
        ----------
        masks : Tensor or list of Tensor
            (B, N, M, s, s) logits, or one (N, M, s, s) an image.
        original_sizes, reshaped_input_sizes : Tensor or list
            (B, 2) rows and columns, as the processor gave them.
        mask_threshold : float
            Logits above it are inside.
        binarize : bool
            Give masks; otherwise logits.
        pad_size : mapping or int, optional
            Side of the model input, or its ``height`` and ``width``; that of this processor where
            it is left out.

        Returns
        -------
        list of Tensor
            (N, M, rows, cols) bool, or floats, one an image.

        Raises
        ------
        FrameError
            Numbers of images differ, or sizes and masks have shapes that mean nothing.
        """
        side = pad_size or self.config.pad_size
        square = (side, side) if isinstance(side, int) else (side["height"], side["width"])
        threshold = mask_threshold if binarize else None
        return full_size_masks(masks, original_sizes, reshaped_input_sizes, square, threshold)


def as_tensors(data: Mapping[str, NDArray[Any]], kind: str | None) -> ModelInputs:
    """Arrays as the caller wants them.

    Parameters
    ----------
    data : mapping of str to ndarray
        Named arrays.
    kind : str or None
        ``"pt"`` for torch; ``"np"`` or None to leave them as they are.

    Returns
    -------
    ModelInputs
        The same names.

    Raises
    ------
    SettingsError
        Another kind.
    """
    if kind not in ("pt", "np", None):
        raise SettingsError(f"return_tensors is 'pt' or 'np', got {kind!r}")
    if kind == "pt":
        return ModelInputs({name: torch.from_numpy(value) for name, value in data.items()})
    return ModelInputs(data)


def _changed(config: PreprocessConfig, fields: Mapping[str, Any]) -> PreprocessConfig:
    if not fields:
        return config
    known = config.to_dict()
    unknown = set(fields) - set(known)
    if unknown:
        raise TypeError(f"an image processor has no {', '.join(sorted(unknown))}")
    return PreprocessConfig.from_dict(known | dict(fields))


def _normalised(picture: Picture, frame: Frame, config: PreprocessConfig) -> NDArray[np.float32]:
    if picture.scaled:
        config = replace(config, rescale_factor=SCALE_8_BIT)
    return normalise(resize_plane(picture.rgb, frame), config)


def _labels(
    maps: Sequence[NDArray[np.int32]], frames: Sequence[Frame], config: PreprocessConfig
) -> NDArray[np.int64]:
    """Return maps (B, s, s) at the size of low-resolution masks, each value kept as it is."""
    if [m.shape for m in maps] != [(f.rows, f.cols) for f in frames]:
        raise ImageError(
            f"segmentation maps of sizes {[m.shape for m in maps]} for images of sizes "
            f"{[(f.rows, f.cols) for f in frames]}; give one an image, of its size"
        )
    labels = np.zeros((len(maps), config.mask_pad_size, config.mask_pad_size), np.int64)
    for label, one in zip(labels, maps, strict=True):
        rows, cols = Frame(len(one), one.shape[1], config.mask_longest_edge).resized
        nearest = Image.fromarray(one).resize((cols, rows), Image.Resampling.NEAREST)
        label[:rows, :cols] = np.asarray(nearest)
    return labels


def _preprocess_of(source: str | os.PathLike[str]) -> PreprocessConfig:
    found = read_preprocess(source)
    if found is not None:
        return found
    from napari_samara.checkpoints.folder import read_folder  # upwards, on use, as in `SamModel`
    from napari_samara.checkpoints.hub import fetch_repository, is_hub_id
    from napari_samara.checkpoints.load import load_checkpoint

    if is_hub_id(str(source)) and not Path(source).exists():
        folder, _ = fetch_repository(str(source))
        return read_folder(folder).preprocess
    return load_checkpoint(source).preprocess
