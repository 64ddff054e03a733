"""Tests of random views."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_samara.model.preprocess import PreprocessConfig, normalise
from napari_samara.training import crops
from napari_samara.training.crops import random_crop, standardise, typical_diameter
from napari_samara.training.data import LabelledImage

SIDE = 64
BILINEAR, NEAREST = Image.Resampling.BILINEAR, Image.Resampling.NEAREST


def disk(side: int, radius: float, row: float, col: float) -> np.ndarray:
    """(side, side) bool."""
    rows, cols = np.indices((side, side))
    return np.hypot(rows - row, cols - col) <= radius


def of_labels(labels: np.ndarray, image: np.ndarray | None = None) -> LabelledImage:
    """Image whose grey value is its label."""
    ids = labels.astype(np.int32)
    return LabelledImage("x", "x", (ids if image is None else image).astype(np.uint8), ids)


COLOUR = np.random.default_rng(0).integers(0, 255, (90, 70, 3)).astype(np.uint8)
BLOCKS = np.kron(np.arange(1, 31).reshape(5, 6), np.ones((16, 16))).astype(np.int32)
ODD_IMAGES = {
    "blocks": of_labels(BLOCKS),
    "colour": of_labels(np.ones((90, 70)), COLOUR),
    "constant": of_labels(np.zeros((50, 50))),
    "one pixel": of_labels(np.ones((1, 1))),
    "one line": of_labels(np.ones((1, 300))),
    "full": of_labels(np.full((80, 80), 3)),
    "dots": of_labels(np.eye(60)),
}


@pytest.mark.parametrize("name", ODD_IMAGES)
def test_view_is_finite_square_and_padded_with_zero(name: str) -> None:
    image = ODD_IMAGES[name]
    for seed in range(12):
        crop = random_crop(image, typical_diameter(image), SIDE, np.random.default_rng(seed))
        assert crop.pixels.shape == (3, SIDE, SIDE)
        assert crop.pixels.dtype == np.float32
        assert crop.labels.shape == (SIDE, SIDE)
        assert crop.labels.dtype == np.int32
        assert np.isfinite(crop.pixels).all()
        assert set(np.unique(crop.labels)) <= set(np.unique(image.labels)) | {0}


def test_seed_decides_the_view() -> None:
    image = ODD_IMAGES["colour"]
    one, same, other = (random_crop(image, 20, SIDE, np.random.default_rng(s)) for s in (4, 4, 5))
    assert np.array_equal(one.pixels, same.pixels)
    assert np.array_equal(one.labels, same.labels)
    assert not np.array_equal(one.pixels, other.pixels)


def test_padding_lies_below_and_right() -> None:
    image = of_labels(np.ones((20, 30)), COLOUR[:20, :30, 0])
    seen = set()
    for seed in range(30):
        crop = random_crop(image, 60, SIDE, np.random.default_rng(seed))
        rows, cols = (int(crop.labels.any(axis).sum()) for axis in (1, 0))
        assert crop.labels[:rows, :cols].all()
        assert not crop.labels[rows:].any()
        assert not crop.labels[:, cols:].any()
        assert not crop.pixels[:, rows:].any()
        assert not crop.pixels[:, :, cols:].any()
        assert abs(float(crop.pixels[:, :rows, :cols].mean())) < 1e-3
        seen.add(rows < SIDE or cols < SIDE)
    assert True in seen


@pytest.mark.parametrize("axis", [0, 1])
def test_labels_and_pixels_stay_aligned(axis: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where values and ids both count the lines of the image, they agree after every change."""
    monkeypatch.setattr(crops, "_intensity", lambda view, _: np.stack([view] * 3, axis=2))
    lines = np.indices((250, 250))[axis]
    image = of_labels(lines + 1, lines)
    turned = set()
    for seed in range(40):
        crop = random_crop(image, 30, SIDE, np.random.default_rng(seed))
        rows, cols = (int(crop.labels.any(axis).sum()) for axis in (1, 0))
        ids = crop.labels[:rows, :cols]
        step = max(np.abs(np.diff(ids, axis=0)).max(), np.abs(np.diff(ids, axis=1)).max())
        gap = crop.pixels[0, :rows, :cols] - (ids - 1)
        assert np.abs(gap).max() <= step / 2 + 1.5  # the nearest line, and rounding to 8 bits
        assert abs(gap.mean()) < 0.6
        turned.add(bool(np.diff(ids, axis=0).any()))
    assert turned == {True, False}  # quarter turns were among them


def test_flips_and_turns_all_occur(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "_intensity", lambda view, _: np.stack([view] * 3, axis=2))
    corner = np.zeros((40, 40))
    corner[:20, :20], corner[:20, 20:], corner[20:, :20] = 1, 2, 3
    found = set()
    for seed in range(80):
        labels = random_crop(of_labels(corner), 200, SIDE, np.random.default_rng(seed)).labels
        part = labels[: int(labels.any(1).sum()), : int(labels.any(0).sum())]
        found.add((part[0, 0], part[0, -1], part[-1, 0]))
    assert len(found) == 8


def test_zoom_brings_objects_to_the_wanted_range() -> None:
    image = of_labels(disk(200, 20, 100, 100))
    sizes = []
    for seed in range(60):
        crop = random_crop(image, typical_diameter(image), 128, np.random.default_rng(seed))
        sizes.append(2 * np.sqrt(crop.labels.sum() / np.pi))
    whole = [s for s in sizes if s > 6]
    assert max(whole) < 110 * 128 / 512 + 30 + 2
    assert max(whole) > 2.5 * min(whole)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (disk(64, 10, 30, 30), 20),
        (disk(64, 10, 20, 20) + 2 * disk(64, 5, 50, 50) + 3 * disk(64, 5, 50, 20), 10),
        (np.zeros((9, 9)), 16),
        (np.eye(5), 16),  # specks do not count
    ],
)
def test_typical_diameter(labels: np.ndarray, expected: float) -> None:
    assert typical_diameter(of_labels(labels)) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("image", [COLOUR[:64, :64], np.full((64, 64, 3), 200, np.uint8)])
def test_standardised_as_at_prediction(image: np.ndarray) -> None:
    expected = normalise(image, PreprocessConfig(64, 64, per_image=True))
    found = standardise(image.astype(np.float32) / 255).transpose(2, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("size", [(64, 64), (17, 40), (33, 16)])
def test_a_bent_view_keeps_its_border_and_pixels_with_their_ids(size: tuple[int, int]) -> None:
    """Values that count columns are where the ids that count them are, but not where they were."""
    cols = np.broadcast_to(np.arange(size[0]), size[::-1])
    view, labels = (Image.fromarray(cols.astype(kind)) for kind in (np.uint8, np.int32))
    moved = 0
    for seed in range(8):
        mesh = crops._bent(size, np.random.default_rng(seed))
        bent = np.asarray(view.transform(size, Image.Transform.MESH, mesh, BILINEAR)).astype(int)
        ids = np.asarray(labels.transform(size, Image.Transform.MESH, mesh, NEAREST))
        assert np.abs(bent - ids).max() <= 1
        assert np.abs(bent[:, [0, -1]] - cols[:, [0, -1]]).max() <= 1
        moved = max(moved, int(np.abs(ids - cols).max()))
    assert moved >= min(size) // 16


def test_a_tone_curve_rises_and_keeps_the_order_of_values() -> None:
    values = np.sort(np.random.default_rng(0).normal(size=300)).astype(np.float32)
    toned = [crops._toned(values, np.random.default_rng(seed)) for seed in range(5)]
    assert all((np.diff(one) >= 0).all() for one in toned)
    assert not np.allclose(toned[0], toned[1])


@pytest.mark.parametrize("constant", [False, True])
def test_a_filtered_view_is_finite_and_of_the_same_contrast(constant: bool) -> None:
    x = np.random.default_rng(0).normal(size=(20, 30, 3)).astype(np.float32)
    x = np.full_like(x, 0.5) if constant else x
    for seed in range(6):
        found = crops._filtered(x, np.random.default_rng(seed))
        assert found.shape == x.shape
        assert np.isfinite(found).all()
        assert found.std() <= 1.01 * x.std()
