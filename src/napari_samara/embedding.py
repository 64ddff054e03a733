"""Embeddings: what the encoder made of one plane, and the key that says which plane it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FrameError, StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.geometry import Frame

IMAGE_EMBEDDINGS = "image_embeddings"
"""Name of the feature map that every model family gives."""

# Raise when the meaning of a field or of the hash changes: old store entries are then not found.
_KEY_VERSION = 1

# Bytes hashed at once; bounds the copy made of a plane that is not contiguous.
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class EmbeddingKey:
    """Everything an embedding depends on; equal keys mean interchangeable embeddings.

    Parameters
    ----------
    pixels : str
        Digest of the RGB plane as it was encoded, see `pixels_digest`.
    plane : str or mapping
        Which plane, as `Plane.to_dict` gives it; kept as canonical JSON.  Empty for a 2D image.
    crop : tuple of int, optional
        Half-open (row0, col0, row1, col1) of the plane that was encoded; None for all of it.
    checkpoint : str
        SHA-256 of the weights.
    intensity : str or mapping
        Contrast, as `Contrast.to_dict` gives it; kept as canonical JSON.
    precision : str
        Number format the encoder ran in.
    """

    pixels: str
    plane: str = ""
    crop: tuple[int, int, int, int] | None = None
    checkpoint: str = ""
    intensity: str = ""
    precision: str = "float32"

    def __post_init__(self) -> None:
        """Bring mappings and lists to their comparable form."""
        for name in ("plane", "intensity"):
            value: object = getattr(self, name)
            if isinstance(value, Mapping):
                object.__setattr__(self, name, _canonical(dict(value)) if value else "")
        if self.crop is not None:
            row0, col0, row1, col1 = (int(number) for number in self.crop)
            object.__setattr__(self, "crop", (row0, col0, row1, col1))

    def digest(self) -> str:
        """Name of the entry in a store.

        Returns
        -------
        str
            64 hexadecimal digits, the same on every machine.
        """
        text = _canonical({"version": _KEY_VERSION, **self.to_dict()})
        return hashlib.sha256(text.encode()).hexdigest()

    def plane_dict(self) -> dict[str, Any]:
        """Return `plane` as `Plane.to_dict` gives it; empty for a 2D image."""
        return _read_back(self.plane)

    def intensity_dict(self) -> dict[str, Any]:
        """Return `intensity` as `Contrast.to_dict` gives it; empty where nothing was given."""
        return _read_back(self.intensity)

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON.

        Returns
        -------
        dict
            One entry per field.
        """
        data = asdict(self)
        data["crop"] = None if self.crop is None else list(self.crop)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EmbeddingKey:
        """Key of its plain form.

        Parameters
        ----------
        data : mapping
            As `to_dict` gives it.

        Returns
        -------
        EmbeddingKey
            Equal to the one saved.

        Raises
        ------
        StoreError
            If the entries are not those of a key.
        """
        names = {field.name for field in fields(cls)}
        if set(data) != names:
            raise StoreError(f"an embedding key has the entries {sorted(names)}, got {data!r:.120}")
        return cls(**data)


@dataclass(frozen=True, eq=False)
class Embedding:
    """Features of one plane, as host arrays that nobody can change.

    Parameters
    ----------
    features : mapping of str to ndarray
        Feature maps of shape (C, h, w) by name: always ``image_embeddings``; the tiny models add
        ``high_res_0``, ``high_res_1`` and ``high_res_2`` at strides 8, 4 and 2.  Kept as
        contiguous read-only float32.
    frame : Frame
        How the plane lies in the model input.
    key : EmbeddingKey, optional
        What the features depend on; None where nobody asked for it.

    Raises
    ------
    FrameError
        If ``image_embeddings`` is missing or a map is not a 3D array of floats.
    """

    features: Mapping[str, NDArray[np.float32]]
    frame: Frame
    key: EmbeddingKey | None = None

    def __post_init__(self) -> None:
        """Check and freeze the feature maps."""
        if IMAGE_EMBEDDINGS not in self.features:
            raise FrameError(
                f"an embedding needs the feature map {IMAGE_EMBEDDINGS!r}, got "
                f"{sorted(self.features)}"
            )
        frozen = {name: _frozen(name, array) for name, array in self.features.items()}
        object.__setattr__(self, "features", MappingProxyType(frozen))

    @property
    def image(self) -> NDArray[np.float32]:
        """The feature map every model family gives, shape (C, h, w)."""
        return self.features[IMAGE_EMBEDDINGS]

    @property
    def nbytes(self) -> int:
        """Bytes of all feature maps together."""
        return sum(array.nbytes for array in self.features.values())

    def __reduce__(self) -> tuple[type[Embedding], tuple[Any, ...]]:
        """Pickle through the constructor, since a mapping proxy cannot be pickled."""
        return Embedding, (dict(self.features), self.frame, self.key)


def pixels_digest(rgb: Any) -> str:
    """Digest of the values, shape and type of an array.

    Parameters
    ----------
    rgb : ndarray, or what has its shape, type, number of bytes and slices
        The plane as it is encoded; read and hashed in blocks, never copied whole.

    Returns
    -------
    str
        64 hexadecimal digits; the memory layout and the byte order of the machine do not matter.
    """
    little = rgb.dtype.newbyteorder("<")
    digest = hashlib.sha256(f"{little.str}{rgb.shape}".encode())
    rows = rgb if len(rgb.shape) else np.atleast_1d(rgb)
    step = max(1, _BLOCK * len(rows) // max(1, rows.nbytes))
    for start in range(0, len(rows), step):
        block = np.ascontiguousarray(rows[start : start + step], dtype=little)
        digest.update(block.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _frozen(name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """`array` as contiguous read-only float32."""
    array = np.asarray(array)
    if array.ndim != 3 or array.size == 0 or array.dtype.kind != "f":
        raise FrameError(
            f"feature map {name!r} is a non-empty (C, h, w) array of floats, got "
            f"{array.dtype} and shape {array.shape}"
        )
    view = np.ascontiguousarray(array, dtype=np.float32).view()
    view.setflags(write=False)
    return view


def _canonical(data: Mapping[str, Any]) -> str:
    """JSON text that is the same for equal data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _read_back(text: str) -> dict[str, Any]:
    """Return the mapping of canonical JSON; empty where the text is something else."""
    try:
        data = json.loads(text) if text else {}
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
