"""Prompts into a crop, masks out of it, and crop after crop until a mask holds."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.crop_search import CropSearch, extent_of, inputs_in, mask_in_plane
from napari_samara.engine.crops import WHOLE, CropChoice
from napari_samara.masks import Mask, PixelBox
from napari_samara.prompts import PromptInputs

SIZE = (1000, 1000)
CROP = (100, 200, 228, 328)


def test_prompts_in_a_crop() -> None:
    mask = np.zeros(SIZE, bool)
    mask[110:120, 210:230] = True
    given = PromptInputs(
        np.array([(110, 210), (900, 900), (120, 220)], np.float32),
        np.array([True, False, False]),
        np.array([105, 205, 130, 240], np.float32),
        mask,
    )
    found = inputs_in(given, CROP)
    assert found.points.tolist() == [[10, 10], [20, 20]]
    assert found.positive.tolist() == [True, False]
    assert found.box is not None
    assert found.box.tolist() == [5, 5, 30, 40]
    assert found.mask is not None
    assert found.mask.shape == (128, 128)
    assert found.mask[10:20, 10:30].all()
    assert inputs_in(given, None) is given


@pytest.mark.parametrize("filled", [True, False])
def test_a_mask_of_a_crop_in_its_plane(filled: bool) -> None:
    data = np.zeros((128, 128), bool)
    data[4:10, 6:20] = filled
    logits = np.zeros((8, 8), np.float32)
    found = mask_in_plane(Mask(data, 0.5, logits), CROP, SIZE)
    assert found.data.shape == SIZE
    assert found.area == 84 * filled
    assert found.box == ((104, 206, 110, 220) if filled else None)
    assert found.data[104:110, 206:220].all() == filled
    assert found.score == 0.5
    assert found.logits is logits
    mask = Mask(data)
    assert mask_in_plane(mask, None, (128, 128)) is mask


def test_the_extent_is_that_of_the_logits() -> None:
    logits = np.full((64, 64), -1.0, np.float32)
    logits[10:20, 30:40] = 0.5
    logits[60, 60] = 9  # a speck
    empty = np.zeros((128, 128), bool)
    assert extent_of(Mask(empty, 0.5, logits), CROP, SIZE) == (120, 260, 140, 280)
    assert extent_of(Mask(empty, 0.5, np.full((64, 64), -1.0, np.float32)), CROP, SIZE) is None
    data = empty.copy()
    data[4:10, 6:20] = True
    assert extent_of(Mask(data), CROP, SIZE) == (104, 206, 110, 220)
    wide = np.zeros((64, 64), np.float32)
    wide[40:60, 5] = 1  # below a plane of twice as many columns as rows there is padding
    assert extent_of(Mask(np.zeros((50, 100), bool), 0.5, wide), None, (50, 100)) is None


def test_it_looks_until_the_mask_holds() -> None:
    truth = (300, 300, 500, 420)
    given = PromptInputs.of([(310, 310)])
    search: CropSearch[str] = CropSearch(CropChoice("object", usual=128), given, SIZE)
    seen: list[PixelBox | None] = []
    while True:
        crop = search.crop
        seen.append(crop)
        assert crop is not None
        low = [max(truth[axis], crop[axis]) for axis in (0, 1)]
        high = [min(truth[axis], crop[axis]) for axis in (2, 3)]
        if search.told(str(crop), (low[0], low[1], high[0], high[1])):
            break
    assert [box[2] - box[0] for box in seen if box] == sorted(
        {128, 256, 512} & {box[2] - box[0] for box in seen if box}
    )
    last = seen[-1]
    assert last is not None
    assert last[0] < truth[0]
    assert last[2] > truth[2]
    assert search.found == str(last)


def test_it_ends_where_nothing_helps() -> None:
    """A mask that fills every window, and is small in the whole plane."""
    search: CropSearch[int] = CropSearch(CropChoice("object"), PromptInputs.of([(500, 500)]), SIZE)
    for count in range(12):
        box = (490, 490, 510, 510) if search.crop is None else search.crop
        if search.told(count, box):
            break
    assert search.crop is None
    assert search.found == 0
    assert count == 3  # whole, 128, 256, 512, and the next is as large as the plane


def test_the_whole_plane_is_looked_at_once() -> None:
    search: CropSearch[int] = CropSearch(WHOLE, PromptInputs.of([(500, 500)]), SIZE)
    assert search.told(7, (0, 0, 10, 10))
    assert search.found == 7
    assert search.inputs is search.given
