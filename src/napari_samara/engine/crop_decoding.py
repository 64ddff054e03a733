"""Objects of one plane decoded headless, each in the crop that shows it large."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from napari_samara.engine.crop_search import CropSearch, extent_of, mask_in_plane
from napari_samara.intensity import fixed, to_rgb
from napari_samara.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.crops import CropChoice
    from napari_samara.engine.predictor import Predictor
    from napari_samara.intensity import Contrast
    from napari_samara.masks import PixelBox
    from napari_samara.prompts import PromptInputs
    from napari_samara.settings import PredictSettings

Item = TypeVar("Item")


@dataclass(eq=False)
class CropEncoder:
    """Encodes crops of one plane as they are asked for.

    Parameters
    ----------
    predictor : Predictor
        The model.
    pixels : ndarray, shape (rows, cols) or (rows, cols, channels)
        The plane.
    contrast : Contrast
        How values become 8-bit; what it takes from the plane it takes from all of it.
    plane : mapping or str
        Which plane it is, for the key.

    Attributes
    ----------
    seconds : float
        Time of all encodings.
    count : int
        Of encodings.
    """

    predictor: Predictor
    pixels: NDArray[Any]
    contrast: Contrast
    plane: Mapping[str, Any] | str = ""
    seconds: float = 0.0
    count: int = 0
    _fixed: Contrast | None = field(default=None, repr=False)

    def encode(self, crop: PixelBox | None) -> Embedding:
        """Embedding of a crop.

        Parameters
        ----------
        crop : tuple of int or None
            Half-open (row0, col0, row1, col1); None for the whole plane.

        Returns
        -------
        Embedding
            Not kept.

        Raises
        ------
        ImageError, OutOfMemoryError
            As for `Predictor.embed`.
        """
        start = time.perf_counter()
        if crop is None:
            found = self.predictor.embed(self.pixels, self.contrast, self.plane)
        else:
            if self._fixed is None:
                self._fixed = fixed(self.pixels, self.contrast)
            row0, col0, row1, col1 = crop
            rgb = to_rgb(self.pixels[row0:row1, col0:col1], self._fixed)
            found = self.predictor.embed_rgb(rgb, self.contrast, self.plane)
        self.seconds += time.perf_counter() - start
        self.count += 1
        return found


@dataclass(frozen=True, eq=False)
class Asked(Generic[Item]):
    """One object that is looked for.

    Attributes
    ----------
    item : object
        What the mask comes back with.
    given : PromptInputs
        In pixels of the plane.
    multimask : bool or None
        As in `Predictor.predict`; None lets lone boxes and points go in batches.
    """

    item: Item
    given: PromptInputs
    multimask: bool | None = None


def masks_by_crop(
    encoder: CropEncoder,
    asked: list[Asked[Item]],
    choice: CropChoice,
    settings: PredictSettings,
) -> Iterator[tuple[Item, Mask, PixelBox | None]]:
    """Find one mask for each object, crop by crop, until each mask holds.

    Parameters
    ----------
    encoder : CropEncoder
        Of the plane.
    asked : list of Asked
        Any number.
    choice : CropChoice
        What is looked at.
    settings : PredictSettings
        Threshold, clean-up, batch size.

    Yields
    ------
    item : object
        In the order in which masks hold.
    mask : Mask
        Cut to its box, with the predicted IoU; of one pixel, False, where nothing was found.
    box : tuple of int or None
        Half-open, in pixels of the plane; None where nothing was found.
    """
    size = (encoder.pixels.shape[0], encoder.pixels.shape[1])
    waiting = [(one, CropSearch[tuple[Mask, Any]](choice, one.given, size)) for one in asked]
    while waiting:
        crops: dict[PixelBox | None, list[tuple[Asked[Item], CropSearch[Any]]]] = {}
        for one, search in waiting:
            crops.setdefault(search.crop, []).append((one, search))
        waiting = []
        for crop, here in crops.items():
            embedding = encoder.encode(crop)
            for (one, search), mask in _decoded(encoder.predictor, embedding, here, settings):
                cut, box = _cut_out(mask, crop)
                if search.told((cut, box), extent_of(mask, crop, size)):
                    yield (one.item, *search.found)
                else:
                    waiting.append((one, search))


def whole_mask(cut: Mask, box: PixelBox | None, size: tuple[int, int]) -> Mask:
    """Return a mask of the plane of what `masks_by_crop` gives.

    Parameters
    ----------
    cut : Mask
        Of the shape of `box`.
    box : tuple of int or None
        Half-open; None for an empty mask.
    size : tuple of int
        (rows, cols) of the plane.
    """
    if box is None:
        return Mask(np.zeros(size, dtype=np.bool_), cut.score)
    return mask_in_plane(cut, box, size)


def _decoded(
    predictor: Predictor,
    embedding: Embedding,
    here: list[tuple[Asked[Item], CropSearch[Any]]],
    settings: PredictSettings,
) -> Iterator[tuple[tuple[Asked[Item], CropSearch[Any]], Mask]]:
    """Masks in one crop: lone boxes and lone positive points in batches, others one by one."""
    batches: dict[str, list[Any]] = {"boxes": [], "points": []}
    values: dict[str, list[NDArray[np.float32]]] = {"boxes": [], "points": []}
    for pair in here:
        given = pair[1].inputs
        lone_box = given.mask is None and given.box is not None and len(given.points) == 0
        lone_point = given.mask is None and given.box is None and len(given.points) == 1
        if lone_box and given.box is not None and pair[0].multimask is not True:
            batches["boxes"].append(pair)
            values["boxes"].append(given.box)
        elif lone_point and given.positive[0] and pair[0].multimask is not False:
            batches["points"].append(pair)
            values["points"].append(given.points[0])
        else:
            yield (
                pair,
                predictor.predict(
                    embedding,
                    given.points,
                    given.positive,
                    given.box,
                    given.mask,
                    pair[0].multimask,
                    settings,
                    given.steps,
                )[0],
            )
    for name, pairs in batches.items():
        if pairs:
            batch: dict[str, Any] = {name: np.stack(values[name])}
            found = predictor.iterate_many(embedding, settings=settings, **batch)
            yield from zip(pairs, found, strict=True)


def _cut_out(mask: Mask, crop: PixelBox | None) -> tuple[Mask, PixelBox | None]:
    """Mask of the shape of its box, and that box in the plane."""
    if mask.box is None:
        return Mask(np.zeros((1, 1), dtype=np.bool_), mask.score), None
    row0, col0, row1, col1 = mask.box
    top, left = (0, 0) if crop is None else crop[:2]
    cut = Mask(mask.data[row0:row1, col0:col1].copy(), mask.score)
    return cut, (row0 + top, col0 + left, row1 + top, col1 + left)
