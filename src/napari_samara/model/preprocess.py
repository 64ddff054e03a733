"""How pixels are brought into the range a model was trained on (``preprocessor_config.json``)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from napari_samara.errors import CheckpointError, ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILENAME = "preprocessor_config.json"
SAM_SIZE = 1024
_PER_IMAGE = "standardise_per_image"

_Triple = tuple[float, float, float]
IMAGENET_MEAN: _Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: _Triple = (0.229, 0.224, 0.225)

_EDGE, _SIDES = ("longest_edge",), ("height", "width")
_FIXED = {"do_resize": True, "do_pad": True, "resample": int(Image.Resampling.BILINEAR)}
_LARGEST_SIZE = 8192

SCALE_8_BIT = 1 / 255
SMALLEST_STD = 1e-3
"""What an image without contrast is divided by when it is standardised by itself."""


@dataclass(frozen=True)
class PreprocessConfig:
    """Normalisation and sizes of the model input.

    A pixel value v becomes ``(v * rescale_factor - image_mean) / image_std``, mean and standard
    deviation being those of the image itself where `per_image` is set.

    Attributes
    ----------
    longest_edge : int
        The longer side of the image is resized to this.
    pad_size : int
        Side of the square it is then padded to, at the bottom and right.
    image_mean, image_std : tuple of float
        One value for each of red, green and blue.
    rescale_factor : float
        Brings uint8 to 0..1.
    per_image : bool
        Standardise by mean and standard deviation over all pixels and channels of the image
        (samara family); `image_mean` and `image_std` are not used.
    mask_longest_edge, mask_pad_size : int
        The same for segmentation maps, the labels of training; a quarter where 0 is given.
    """

    longest_edge: int = SAM_SIZE
    pad_size: int = SAM_SIZE
    image_mean: _Triple = IMAGENET_MEAN
    image_std: _Triple = IMAGENET_STD
    rescale_factor: float = SCALE_8_BIT
    per_image: bool = False
    mask_longest_edge: int = 0
    mask_pad_size: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes and numbers that no image could be normalised with."""
        for name in ("longest_edge", "pad_size"):
            if not getattr(self, f"mask_{name}"):
                object.__setattr__(self, f"mask_{name}", max(getattr(self, name) // 4, 1))
        for prefix in ("", "mask_"):
            edge, pad = getattr(self, f"{prefix}longest_edge"), getattr(self, f"{prefix}pad_size")
            if not 1 <= edge <= pad <= _LARGEST_SIZE:
                raise CheckpointError(
                    f"{prefix}longest_edge {edge} must lie in [1, {prefix}pad_size {pad}], and "
                    f"that in [1, {_LARGEST_SIZE}]"
                )
        numbers = (*self.image_mean, *self.image_std, self.rescale_factor)
        if not all(math.isfinite(v) for v in numbers) or 0 in (
            *self.image_std,
            self.rescale_factor,
        ):
            raise CheckpointError(
                f"image_mean {self.image_mean}, image_std {self.image_std} and rescale_factor "
                f"{self.rescale_factor} must be finite, the last two not 0"
            )

    @classmethod
    def unscaled(cls, size: int) -> PreprocessConfig:
        """Values in 0..1 with no further normalisation, as MedSAM was trained.

        Parameters
        ----------
        size : int
            Side of the model input.

        Returns
        -------
        PreprocessConfig
            With mean 0 and standard deviation 1.
        """
        return cls(size, size, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], image_size: int | None = None
    ) -> PreprocessConfig:
        """Read the fields that transformers' image processor writes.

        Parameters
        ----------
        values : mapping
            Parsed ``preprocessor_config.json``; fields that are left out take SAM's values.
        image_size : int, optional
            Side of the model input, where there is a model to ask.

        Returns
        -------
        PreprocessConfig
            Checked.

        Raises
        ------
        CheckpointError
            A field has the wrong type, or the padded size is not the model's input.
        """
        values = {name: value for name, value in values.items() if value is not None}
        for name, only in _FIXED.items():
            if values.get(name, only) != only:
                raise CheckpointError(f"{name} is {values[name]!r}; SAM images need {only!r}")
        mean = _triple(values, "image_mean", IMAGENET_MEAN)
        std = _triple(values, "image_std", IMAGENET_STD)
        if values.get("do_normalize") is False:
            mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        factor = (
            1.0 if values.get("do_rescale") is False else values.get("rescale_factor", SCALE_8_BIT)
        )
        if isinstance(factor, bool) or not isinstance(factor, int | float):
            raise CheckpointError(f"rescale_factor must be a number, got {factor!r}")
        pad = _side(values.get("pad_size"), _SIDES, image_size or SAM_SIZE)
        edge = _side(values.get("size"), _EDGE, image_size or pad)
        if pad != (image_size or pad):
            raise CheckpointError(
                f"{FILENAME} pads to {pad} but the model reads {image_size}; the files do not "
                "belong together"
            )
        per_image = values.get(_PER_IMAGE, False)
        if not isinstance(per_image, bool):
            raise CheckpointError(f"{_PER_IMAGE} must be true or false, got {per_image!r}")
        masks = (
            _side(values.get("mask_size"), _EDGE, 0),
            _side(values.get("mask_pad_size"), _SIDES, 0),
        )
        return cls(edge, pad, mean, std, float(factor), per_image, *masks)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that transformers' ``SamImageProcessor`` reads.

        Returns
        -------
        dict
            Ready for json.
        """
        # transformers does not know the key; it cannot read the family that has it either
        own = {_PER_IMAGE: True} if self.per_image else {}
        return own | {
            "image_processor_type": "SamImageProcessor",
            "processor_class": "SamProcessor",
            "do_convert_rgb": True,
            "do_normalize": True,
            "do_pad": True,
            "do_rescale": True,
            "do_resize": True,
            "image_mean": list(self.image_mean),
            "image_std": list(self.image_std),
            "resample": 2,
            "rescale_factor": self.rescale_factor,
            "size": {"longest_edge": self.longest_edge},
            "pad_size": {"height": self.pad_size, "width": self.pad_size},
            "mask_size": {"longest_edge": self.mask_longest_edge},
            "mask_pad_size": {"height": self.mask_pad_size, "width": self.mask_pad_size},
        }


def normalise(resized: NDArray[np.uint8], config: PreprocessConfig) -> NDArray[np.float32]:
    """Model input of a resized image: normalised, then padded with 0 below and to the right.

    Parameters
    ----------
    resized : ndarray of uint8, shape (rows, cols, 3)
        RGB plane at its size inside the model input (`geometry.resize_plane`).
    config : PreprocessConfig
        How the model was trained.

    Returns
    -------
    ndarray of float32, shape (3, pad_size, pad_size)
        C-contiguous.

    Raises
    ------
    ImageError
        `resized` has another type or shape, or does not fit into the square.
    """
    if resized.ndim != 3 or resized.shape[2] != 3 or resized.dtype != np.uint8:
        raise ImageError(
            f"an RGB plane of uint8 and shape (rows, cols, 3) is needed, got {resized.dtype} and "
            f"shape {resized.shape}"
        )
    rows, cols, size = *resized.shape[:2], config.pad_size
    if not 1 <= min(rows, cols) <= max(rows, cols) <= size:
        raise ImageError(f"a plane of {rows} x {cols} does not fit into {size} x {size}")
    table = _table(resized, config)
    padded = np.zeros((3, size, size), np.float32)
    for channel, values in enumerate(table):
        padded[channel, :rows, :cols] = values[resized[..., channel]]
    return padded


def _table(resized: NDArray[np.uint8], config: PreprocessConfig) -> NDArray[np.float32]:
    """(3, 256) normalised value of each 8-bit value in each channel."""
    # as transformers does: scaled in double precision, normalised in single
    values = (np.arange(256) * config.rescale_factor).astype(np.float32)
    if not config.per_image:
        mean = np.array(config.image_mean, np.float32)
        std = np.array(config.image_std, np.float32)
        return np.asarray((values - mean[:, None]) / std[:, None])
    counts = np.reshape(Image.fromarray(resized).histogram(), (3, 256)).sum(0)
    middle = np.average(values, weights=counts)
    spread = np.sqrt(np.average((values - middle) ** 2, weights=counts))
    standardised = (values - middle) / max(float(spread), SMALLEST_STD)
    return np.broadcast_to(standardised.astype(np.float32), (3, 256))


def _triple(values: Mapping[str, Any], name: str, default: _Triple) -> _Triple:
    given = values.get(name, default)
    if (
        not isinstance(given, Sequence)
        or len(given) != 3
        or any(isinstance(v, bool) or not isinstance(v, int | float) for v in given)
    ):
        raise CheckpointError(f"{name} must be three numbers, got {given!r}")
    return float(given[0]), float(given[1]), float(given[2])


def _side(value: Any, names: Sequence[str], default: int) -> int:
    """One side in pixels from an int or a mapping such as {"longest_edge": 1024}."""
    if value is None:
        return default
    sides: set[Any] = {value} if isinstance(value, int) else set()
    if isinstance(value, Mapping):
        sides = {value.get(name) for name in names}
    side = sides.pop() if len(sides) == 1 else None
    if isinstance(side, bool) or not isinstance(side, int):
        raise CheckpointError(f"a size must be an integer under {' and '.join(names)}: {value!r}")
    return side
