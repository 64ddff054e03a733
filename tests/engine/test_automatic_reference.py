"""Meta's automatic mask generator on the same weights: the same set of masks."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy import ndimage
from tests.model.test_segment_anything import pair_of
from tests.reference.seeded import image
from tests.reference.torchvision_shim import installed

from napari_samara.engine.automatic import Scene, automatic_masks
from napari_samara.engine.automatic_settings import AutomaticSettings

LIMITS = {"score": 0.5, "stability": 0.45, "box_overlap": 0.95}
"""Random weights are sure of nothing: limits that a fair number of masks pass."""


@torch.no_grad()
def _peaked(model):
    """Make random masks like those of a trained model: in one place each, and steep.

    One channel of the finest features is constant and pulls all logits down, so that only peaks
    pass the threshold; the others count much more.
    """
    decoder = model.mask_decoder
    finest = decoder.output_upscaling[3]
    finest.weight[:, 0] = 0
    finest.bias[0] = 3
    for head in decoder.output_hypernetworks_mlps:
        last = head.layers[-1]
        last.weight *= 30
        last.bias *= 30
        last.weight[0] = 0
        last.bias[0] = -7.5
    decoder.iou_prediction_head.layers[-1].bias += 0.5


@pytest.fixture(scope="module")
def pair():
    return pair_of(_peaked)


def connected_components(data, _connectivity):
    """What OpenCV says of regions: number, labels, and their areas in the last column."""
    regions, count = ndimage.label(data, np.ones((3, 3)))
    return count + 1, regions, np.bincount(regions.ravel(), minlength=count + 1)[:, None], None


@pytest.fixture
def _opencv(monkeypatch):
    module = ModuleType("cv2")
    module.connectedComponentsWithStats = connected_components
    monkeypatch.setitem(sys.modules, "cv2", module)


def both(pair, picture, changes, **more):
    """Masks of Meta's generator and of ours, as boolean arrays with scores and boxes."""
    ours, theirs = pair
    names = {
        "score": "pred_iou_thresh",
        "stability": "stability_score_thresh",
        "box_overlap": "box_nms_thresh",
        "crop_box_overlap": "crop_nms_thresh",
        "crop_layers": "crop_n_layers",
        "crop_points_factor": "crop_n_points_downscale_factor",
        "small_regions": "min_mask_region_area",
        "points_per_side": "points_per_side",
    }
    changes = {"points_per_side": 7, **LIMITS, **changes}
    with installed():
        from segment_anything import SamAutomaticMaskGenerator

        generator = SamAutomaticMaskGenerator(
            theirs.model, **{names[name]: value for name, value in changes.items()}
        )
        expected = generator.generate(picture)
    settings = AutomaticSettings.preset("segment-anything", **changes, **more)
    found = automatic_masks(ours, Scene(picture), settings)
    return expected, found


def matched(expected, found):
    """IoU of each of Meta's masks with the one of ours that is most like it."""
    mine = np.array([c.mask(found.shape).data for c in found.candidates]).reshape(
        len(found.candidates), -1
    )
    theirs = np.array([m["segmentation"] for m in expected]).reshape(len(expected), -1)
    shared = theirs.astype(np.float64) @ mine.T.astype(np.float64)
    return shared / (theirs.sum(1)[:, None] + mine.sum(1) - shared)


@pytest.mark.parametrize(
    ("shape", "changes"),
    [
        ((256, 256), {"box_overlap": 0.7}),
        ((150, 200), {"box_overlap": 1.0}),
        ((311, 97), {"stability": 0.55}),
        ((300, 400), {"crop_layers": 1, "crop_points_factor": 2, "stability": 0.15}),
        ((400, 300), {"crop_layers": 1, "crop_box_overlap": 0.4, "stability": 0.3}),
    ],
)
def test_same_masks(pair, shape, changes):
    expected, found = both(pair, image(*shape, seed=3), changes)
    assert len(found.candidates) == len(expected) >= 3
    if "crop_layers" in changes:
        assert len({candidate.window for candidate in found.candidates}) > 1
    overlap = matched(expected, found)
    best = overlap.argmax(axis=1)
    assert sorted(best) == list(range(len(expected)))
    assert overlap.max(axis=1).min() >= 0.99
    for record, index in zip(expected, best, strict=True):
        candidate = found.candidates[index]
        assert candidate.score == pytest.approx(record["predicted_iou"], abs=1e-4)
        assert candidate.stability == pytest.approx(record["stability_score"], abs=2e-3)
        col, row, width, height = record["bbox"]
        assert candidate.box == pytest.approx((row, col, row + height + 1, col + width + 1), abs=1)
        assert candidate.point[::-1] == pytest.approx(record["point_coords"][0])


@pytest.mark.usefixtures("_opencv")
def test_same_masks_with_small_regions_cleaned(pair):
    expected, found = both(pair, image(150, 200, seed=3), {"small_regions": 60})
    plain, _ = both(pair, image(150, 200, seed=3), {})
    changed = matched(plain, found).max(axis=1)
    assert (changed < 0.9999).any()  # the clean-up has something to do
    overlap = matched(expected, found)
    assert overlap.shape[0] == overlap.shape[1] >= 3
    assert overlap.max(axis=1).min() >= 0.99
    assert sorted(overlap.argmax(axis=1)) == list(range(len(expected)))
