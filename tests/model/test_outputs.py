"""What a SAM gives back."""

from __future__ import annotations

import torch

from napari_samara.model.outputs import ImageFeatures, SamImageSegmentationOutput


def test_by_name_by_number_and_taken_apart():
    out = SamImageSegmentationOutput(torch.zeros(1), torch.ones(1))
    assert out["iou_scores"] is out[0] is out.iou_scores
    assert out["pred_masks"] is out[1] is out.pred_masks
    scores, masks = out
    assert (scores is out.iou_scores, masks is out.pred_masks) == (True, True)


def test_features_of_sam_have_no_finer_maps():
    assert ImageFeatures(torch.zeros(1)).skips == ()
