"""TIFF files by tifffile: small ones are read whole, large ones slice by slice."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FileFormatError
from napari_samara.formats.axis_view import LARGE, AxisView
from napari_samara.formats.picture import read_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

# What tifffile logs, and goes on, where pages are missing that the file says it has.
_FATAL = ("invalid page offset", "failed to reshape", "corrupted file", "match page shape")


def read_tiff(path: Path) -> tuple[Any, str]:
    """Read the first image of a file, the finest where it has several resolutions.

    Parameters
    ----------
    path : Path
        Of a TIFF or OME-TIFF.

    Returns
    -------
    array : ndarray or AxisView
        All of it; one of more than `LARGE` bytes is lazy.
    axes : str
        A letter for each of its axes.

    Raises
    ------
    ValueError
        If it holds no image, lacks pages, or is compressed in a way that cannot be read.
    """
    import tifffile

    with _listening() as complaints, tifffile.TiffFile(path) as file:
        if not file.series:
            raise ValueError("it holds no image")
        series = file.series[0]
        array: Any = _lazy(path, series) if series.nbytes > LARGE and series.ndim > 2 else None
        try:
            array = series.asarray() if array is None else array
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            array = _read_compressed(path, series.shape)
    for complaint in complaints:
        if any(words in complaint for words in _FATAL):
            raise ValueError(complaint)
        if "zeroed" in complaint:
            warnings.warn(f"{path}: {complaint}", RuntimeWarning, stacklevel=4)
    return array, series.axes


def _lazy(path: Path, series: Any) -> AxisView | None:
    """Return an image that is read where it is indexed; None where its kind does not allow it.

    Pixels that lie one after the other in the file are mapped into memory; others are read page by
    page or tile by tile.
    """
    import tifffile

    every = range(series.ndim)
    with contextlib.suppress(ValueError):  # compressed, tiled, or spread over the file
        return AxisView(tifffile.memmap(path, mode="r"), every)
    try:
        pages = _Pages(path)
        pages[(0,) * (series.ndim - 2)]
    except Exception:  # what cannot be decoded, or a zarr that this tifffile does not know
        return None
    return AxisView(pages, every)


class _Pages:
    """Pixels of a file that is kept open, read where they are indexed."""

    def __init__(self, path: Path) -> None:
        import tifffile
        import zarr

        store = tifffile.imread(path, aszarr=True, level=0)
        weakref.finalize(self, store.close)
        self._path, self._array = path, zarr.open_array(store, mode="r")
        self.shape, self.dtype = self._array.shape, self._array.dtype

    def __getitem__(self, region: Any) -> NDArray[Any]:
        try:
            return np.asarray(self._array[region])
        except Exception as error:  # decoders of damaged files raise about anything
            raise FileFormatError(
                f"{self._path} cannot be read at {region}; it is cut off or damaged: {error}"
            ) from error


def _read_compressed(path: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    """Pixels by way of Pillow, which brings decoders that tifffile only has with imagecodecs."""
    frames = read_frames(path)
    array = np.stack(frames) if len(frames) > 1 else frames[0]
    if array.size != np.prod(shape):
        raise ValueError("its compression is only read with the package imagecodecs: install that")
    return array.reshape(shape)


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what tifffile logs: of a file cut off between two pages it returns the first ones."""
    said: list[str] = []
    handler = logging.Handler()
    handler.addFilter(lambda record: record.thread == threading.get_ident())
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tifffile")
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
