"""What encoding a volume will cost, before it is begun."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.engine.encode_times import expected_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.planes import Plane
    from napari_samara.store import EmbeddingStore

# Files and folders of an entry beside its numbers.
_OVERHEAD = 12_000

# Feature maps of float32 that are alive at once while a plane is encoded: of the widest map of a
# TinyViT, and of the tokens of a ViT. Measured on a CPU, with some room.
_TINY_MAPS, _VIT_TOKENS = 7, 20


@dataclass(frozen=True)
class Estimate:
    """What is to be expected if nothing is in the store yet.

    Attributes
    ----------
    planes : int
        How many there are.
    seconds : float or None
        For all of them; None where nothing is known of the device.
    disk_bytes : int or None
        That the store will take; None for a model whose sizes are not known.
    disk_free : int or None
        Bytes free where the store lies; None where it is not on a disk.
    memory_bytes : int or None
        Above that of the loaded model and, unless it is read lazily, the image.
    """

    planes: int
    seconds: float | None
    disk_bytes: int | None
    disk_free: int | None
    memory_bytes: int | None

    @property
    def fits(self) -> bool:
        """Whether the disk has the room, as far as that is known."""
        return self.disk_bytes is None or self.disk_free is None or self.disk_bytes < self.disk_free

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON.

        Returns
        -------
        dict
            One entry per field, and `fits`.
        """
        return {**asdict(self), "fits": self.fits}

    def __str__(self) -> str:
        """Return one line for the user."""
        said = [f"{self.planes} planes"]
        if self.seconds is not None:
            said.append(f"about {duration(self.seconds)}")
        if self.disk_bytes is not None:
            free = "" if self.disk_free is None else f" of {_megabytes(self.disk_free)} free"
            said.append(f"{_megabytes(self.disk_bytes)} on disk{free}")
        if self.memory_bytes is not None:
            said.append(f"{_megabytes(self.memory_bytes)} of memory")
        return ", ".join(said)


def estimate(predictor: Any, store: EmbeddingStore | None, planes: Sequence[Plane]) -> Estimate:
    """Estimate what encoding planes takes.

    Parameters
    ----------
    predictor : Predictor
        The model; its device is timed for less than 0.3 s if nothing is known of it.
    store : EmbeddingStore or None
        Where the embeddings go.
    planes : sequence of Plane
        All of them.

    Returns
    -------
    Estimate
        An upper limit where a part is there already.
    """
    each = expected_seconds(predictor)
    seconds = None if each is None else each * len(planes)
    config = getattr(getattr(predictor, "model", None), "config", None)
    folder = getattr(store, "path", None)
    free = None if folder is None else shutil.disk_usage(_existing(Path(folder))).free
    if config is None:
        return Estimate(len(planes), seconds, None, free, None)
    numbers = embedding_numbers(config)
    disk = (numbers * getattr(store, "itemsize", 4) + _OVERHEAD) * len(planes)
    pixels = 3 * 4 * config.image_size**2
    memory = _encoder_bytes(config) + 3 * pixels + 4 * 4 * numbers
    return Estimate(len(planes), seconds, disk, free, memory)


def embedding_numbers(config: Any) -> int:
    """Count the numbers of one embedding.

    Parameters
    ----------
    config : SamConfig
        Of the model.

    Returns
    -------
    int
        Of all feature maps.
    """
    vision = config.vision_config
    side = vision.embedding_size
    skips = config.mask_decoder_config.skip_channels
    finer = sum(width * (side << level) ** 2 for level, width in enumerate(skips, start=1))
    return int(vision.output_channels * side**2 + finer)


def duration(seconds: float) -> str:
    """Tell a time as people do: ``45 s``, ``12 min``, ``3.5 h``.

    Parameters
    ----------
    seconds : float
        Not negative.

    Returns
    -------
    str
        With its unit.
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _encoder_bytes(config: Any) -> int:
    """Memory that encoding one plane takes, roughly."""
    vision = config.vision_config
    if config.is_tiny_vit:
        widest = vision.mbconv_expand_ratio * vision.embed_dims[0]
        return int(_TINY_MAPS * 4 * widest * (vision.image_size // vision.stem_stride) ** 2)
    return int(_VIT_TOKENS * 4 * vision.hidden_size * vision.embedding_size**2)


def _existing(folder: Path) -> Path:
    """`folder`, or the next one above it that is there."""
    folder = folder.absolute()
    return next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))


def _megabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
