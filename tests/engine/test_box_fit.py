"""Tests of masks that are cut off where they fit their box."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara.engine.box_fit import LEVELS, fitted
from napari_samara.engine.model_calls import decode
from napari_samara.engine.predictor import Predictor
from napari_samara.engine.upsample import full_mask
from napari_samara.engine.volume_decoding import SlicePrompt, decode_prompts
from napari_samara.geometry import Frame
from napari_samara.model.config import SamConfig
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.sam import SamModel
from napari_samara.settings import PredictSettings

SIDE = 64
FRAME = Frame(2 * SIDE, 2 * SIDE, 2 * SIDE)  # one pixel of the logits is two of image and input


def cone(row: float, col: float, height: float, width: float, steep: float = 0.2) -> torch.Tensor:
    """Logits that fall from the middle of an ellipse; 0 where it ends, in pixels of the logits."""
    rows, cols = np.indices((SIDE, SIDE)) + 0.5
    away = np.hypot((rows - row) / height, (cols - col) / width)
    return torch.from_numpy((steep * min(height, width) * (1 - away)).astype(np.float32))


def fit(logits: torch.Tensor, box: list[float], frame: Frame = FRAME) -> torch.Tensor:
    """One mask and its box (x0, y0, x1, y1)."""
    return fitted(logits[None, None], torch.tensor([box]), frame)[0, 0]


def box_of(logits: torch.Tensor, frame: Frame = FRAME) -> list[float]:
    """(x0, y0, x1, y1) of the mask in the image."""
    mask = full_mask(logits, frame)
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [float(v) for v in (cols[0], rows[0], cols[-1] + 1, rows[-1] + 1)]


@pytest.mark.parametrize("level", [0.5, 0.75])
def test_a_mask_that_leaves_its_box_is_cut_off_higher(level: float) -> None:
    logits = cone(32, 30, 12, 12)
    wanted = box_of(logits - level)
    assert box_of(logits) != wanted
    found = fit(logits, wanted)
    assert np.abs(np.subtract(box_of(found), wanted)).max() <= 2
    assert (
        np.abs(np.subtract(box_of(found), wanted)).sum()
        < np.abs(np.subtract(box_of(logits), wanted)).sum()
    )


def test_a_mask_that_misses_two_sides_of_its_box_is_cut_off_lower() -> None:
    """Its outline is clear to the left and right, and blurred above and below."""
    away = np.abs(np.indices((SIDE, SIDE)) + 0.5 - 32)
    logits = torch.from_numpy(np.minimum(0.1 * (12 - away[0]), 12 - away[1]).astype(np.float32))
    x0, y0, x1, y1 = box_of(logits)
    found = fit(logits, [x0, y0 - 5.0, x1, y1 + 5.0])
    assert box_of(found) == [x0, y0 - 5.0, x1, y1 + 5.0]


def test_a_box_with_room_on_all_sides_changes_nothing() -> None:
    logits = cone(32, 30, 12, 12)
    box = np.add(box_of(logits), [-4, -4, 4, 4])
    assert torch.equal(fit(logits, box.tolist()), logits)


def test_what_fits_is_left_as_it_is() -> None:
    logits = cone(30, 33, 9, 14)
    assert torch.equal(fit(logits, box_of(logits)), logits)


def test_a_mask_that_would_be_empty_is_cut_off_where_there_is_something() -> None:
    logits = cone(32, 32, 8, 8) - cone(32, 32, 8, 8).max() - 0.3
    assert not (logits > 0).any()
    assert (fit(logits, [48.0, 48.0, 80.0, 80.0]) > 0).any()
    flat = torch.full((SIDE, SIDE), -9.0)
    assert torch.equal(fit(flat, [48.0, 48.0, 80.0, 80.0]), flat)


def test_padding_says_nothing() -> None:
    frame = Frame(2 * SIDE, SIDE, 2 * SIDE)  # the right half is padding
    logits = cone(32, 14, 10, 10)
    box = box_of(logits)
    logits[:, SIDE // 2 :] = 5
    assert torch.equal(fit(logits, box, frame), logits)


def test_many_are_fitted_as_each_alone() -> None:
    masks = torch.stack([cone(30, 30, 10, 8), cone(20, 40, 5, 9), cone(40, 20, 15, 6)])
    logits = torch.stack([masks, masks.flip(0)])  # (2, 3, S, S)
    boxes = torch.tensor([[40.0, 40, 80, 84], [60, 28, 100, 55]])
    found = fitted(logits, boxes, FRAME)
    shifts = (logits - found).flatten(2)
    assert set(shifts[..., 0].flatten().round(decimals=4).tolist()) <= set(LEVELS)
    for p in range(2):
        for m in range(3):
            assert torch.equal(found[p, m], fit(logits[p, m], boxes[p].tolist()))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """A small member of the family with seeded weights."""
    torch.manual_seed(0)
    config = SamConfig.samara_tiny()
    preprocess = PreprocessConfig(config.image_size, config.image_size, per_image=True)
    return Predictor(SamModel(config).eval(), preprocess)


def test_boxes_of_users_are_fitted_and_guessed_ones_are_not(predictor: Predictor) -> None:
    assert predictor.model.config.mask_decoder_config.fit_boxes
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    embedding = predictor.embed(image)
    box = torch.tensor([[100.0, 120, 300, 260]])
    raw, scores = decode(
        predictor.model, embedding, (None, None, box, None), False, True, by_hand=False
    )
    found, same = decode(predictor.model, embedding, (None, None, box, None), False, True)
    assert torch.equal(found, fitted(raw, box, embedding.frame))
    assert torch.equal(scores, same)
    corners = 15.0, 12.5, 32.5, 37.5  # the same in the image
    asked = predictor.predict(embedding, box=corners)[0].logits
    guessed = decode_prompts(predictor, embedding, [SlicePrompt(box=corners)], PredictSettings())
    assert asked is not None
    np.testing.assert_allclose(asked, found[0, 0], atol=1e-4)
    np.testing.assert_allclose(guessed[0].logits, raw[0, 0], atol=1e-4)


def test_other_families_are_not_fitted() -> None:
    assert not SamConfig().mask_decoder_config.fit_boxes
