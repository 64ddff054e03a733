"""DICOM files written for tests, byte by byte and not by the library that reads them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

_CT, _EXPLICIT_LITTLE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


def write_slice(path: Path, pixels: np.ndarray, place: Sequence[float], **options: Any) -> None:
    """Write one image.

    Parameters
    ----------
    path : Path
        File.
    pixels : ndarray of int16, shape (rows, cols)
        As they are stored; the header makes ``slope * pixels + intercept`` of them.
    place : sequence of float
        Position of the first pixel.
    **options
        ``series``, ``orientation``, ``spacing`` (of rows, of columns), ``thickness``, ``slope``,
        ``intercept``, ``modality``.
    """
    rows, cols = pixels.shape
    instance = f"1.2.826.{abs(hash(path.name)) % 10**9}"
    body = [
        _text(0x0008, 0x0016, "UI", _CT),
        _text(0x0008, 0x0018, "UI", instance),
        _text(0x0008, 0x0060, "CS", options.get("modality", "CT")),
        _text(0x0008, 0x103E, "LO", "a test"),
        _text(0x0018, 0x0050, "DS", options.get("thickness", 2)),
        _text(0x0020, 0x000D, "UI", "1.2"),
        _text(0x0020, 0x000E, "UI", options.get("series", "1.2.3")),
        _text(0x0020, 0x0032, "DS", *(f"{n:.6f}" for n in place)),
        _text(0x0020, 0x0037, "DS", *options.get("orientation", UPRIGHT)),
        _short(0x0028, 0x0002, 1),
        _text(0x0028, 0x0004, "CS", "MONOCHROME2"),
        _short(0x0028, 0x0010, rows),
        _short(0x0028, 0x0011, cols),
        _text(0x0028, 0x0030, "DS", *options.get("spacing", (0.5, 0.25))),
        _short(0x0028, 0x0100, 16),
        _short(0x0028, 0x0101, 16),
        _short(0x0028, 0x0102, 15),
        _short(0x0028, 0x0103, 1),  # signed
        _text(0x0028, 0x1052, "DS", options.get("intercept", -1024)),
        _text(0x0028, 0x1053, "DS", options.get("slope", 1)),
        _long(0x7FE0, 0x0010, "OW", pixels.astype("<i2").tobytes()),
    ]
    meta = b"".join(
        [
            _long(0x0002, 0x0001, "OB", b"\0\1"),
            _text(0x0002, 0x0002, "UI", _CT),
            _text(0x0002, 0x0003, "UI", instance),
            _text(0x0002, 0x0010, "UI", _EXPLICIT_LITTLE),
        ]
    )
    length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(meta))
    path.write_bytes(b"\0" * 128 + b"DICM" + length + meta + b"".join(body))


def write_series(folder: Path, volume: np.ndarray, **options: Any) -> np.ndarray:
    """Write (planes, rows, cols) as a series 2 mm apart, the last plane first.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    volume : ndarray of int16
        As it is stored.
    **options
        As for `write_slice`; ``origin`` of the first plane, ``step`` from plane to plane.

    Returns
    -------
    ndarray
        Places of the planes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    orientation = np.array(options.get("orientation", UPRIGHT))
    normal = np.cross(orientation[:3], orientation[3:])
    origin = np.array(options.pop("origin", (10.0, 20.0, -30.0)))
    step = np.array(options.pop("step", 2.0 * normal))
    places = origin + np.arange(len(volume))[:, None] * step
    for index, plane in enumerate(volume):
        name = options.get("name", "im") + f"{len(volume) - index:03}.dcm"
        write_slice(folder / name, plane, places[index].tolist(), **options)
    return places


def _text(group: int, element: int, kind: str, *values: Any) -> bytes:
    content = "\\".join(map(str, values)).encode()
    content += (b"\0" if kind == "UI" else b" ") * (len(content) % 2)
    return struct.pack("<HH2sH", group, element, kind.encode(), len(content)) + content


def _short(group: int, element: int, value: int) -> bytes:
    return struct.pack("<HH2sHH", group, element, b"US", 2, value)


def _long(group: int, element: int, kind: str, content: bytes) -> bytes:
    return struct.pack("<HH2sHI", group, element, kind.encode(), 0, len(content)) + content
