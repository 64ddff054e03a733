"""The mask head: choices, chunks and the order of pixels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from tests.reference.seeded import fill
from torch.testing import assert_close

from napari_samara.model import SamConfig, SamModel, mask_decoder
from napari_samara.model.outputs import ImageFeatures
from napari_samara.model.pixel_blocks import from_blocks, to_blocks


@pytest.fixture(scope="module")
def samara():
    model = SamModel(SamConfig.samara_tiny(128)).eval()
    fill(model.state_dict())
    return model


def decode(model, count=5, **choice):
    size = model.config.image_size
    generator = torch.Generator().manual_seed(1)
    features = model.encode(torch.randn(1, 3, size, size, generator=generator))
    corners = torch.rand(count, 2, 2, generator=generator) * size
    boxes = torch.cat([corners.amin(1), corners.amax(1) + 2], dim=1)
    return model.decode(features, model.prompt_encoder(boxes=boxes), **choice)


@pytest.fixture(params=["sam", "samara"])
def model(request, tiny_sam, samara):
    return tiny_sam if request.param == "sam" else samara


@pytest.mark.parametrize("multimask", [True, False])
def test_the_best_mask_alone_is_that_of_all(model, multimask):
    masks, iou = decode(model, multimask_output=multimask)
    best, score = decode(model, multimask_output=multimask, best_only=True)
    chosen = iou.argmax(1)
    assert_close(score[:, 0], iou.amax(1))
    assert_close(best[:, 0], masks[torch.arange(5), chosen], atol=1e-5, rtol=1e-5)


def test_all_masks_are_the_single_one_and_the_several(model):
    size = model.config.image_size
    features = model.encode(torch.zeros(1, 3, size, size))
    code = model.prompt_encoder(boxes=torch.tensor([[1.0, 2.0, 30.0, 40.0]]))
    masks, iou = model.mask_decoder.all_masks(
        features.embedding, model.prompt_encoder.dense_pe(), code, features.skips
    )
    single, several = model.decode(features, code, False), model.decode(features, code, True)
    assert_close(masks, torch.cat([single[0], several[0]], dim=1), atol=1e-5, rtol=1e-5)
    assert_close(iou, torch.cat([single[1], several[1]], dim=1), atol=1e-5, rtol=1e-5)


def test_chunks_and_gradients_change_nothing(model, monkeypatch):
    with torch.enable_grad():
        whole, whole_iou = decode(model)
    monkeypatch.setattr(mask_decoder, "CACHE_BYTES", 1)
    masks, iou = decode(model)
    assert_close(masks, whole.detach(), atol=1e-4, rtol=1e-4)
    assert_close(iou, whole_iou.detach(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_blocks_are_an_order_of_pixels(steps):
    maps = torch.randn(2, 3, 5 << steps, 4 << steps)
    blocks = to_blocks(maps, steps)
    assert blocks.shape == (2, 20 << 2 * steps, 3)
    assert torch.equal(from_blocks(blocks.transpose(1, 2), 5, 4), maps)


def test_up_sampling_is_that_of_transposed_convolutions(samara):
    decoder, side = samara.mask_decoder, 8
    keys = torch.randn(1, side * side, 128)
    x = keys.transpose(1, 2).unflatten(2, (side, side))
    for layer in decoder.output_upscaling:
        x = layer(x)
    found = decoder._upscale(keys, (), None).transpose(1, 2)
    assert_close(from_blocks(found, side, side), x, atol=1e-4, rtol=1e-4)


def test_finer_maps_and_drawn_prompts_are_seen(samara):
    features = samara.encode(torch.randn(1, 3, 128, 128))
    code = samara.prompt_encoder(boxes=torch.tensor([[10.0, 20.0, 90.0, 100.0]]))
    expected = samara.decode(features, code)[0]
    for i in range(3):
        skips = list(features.skips)
        skips[i] = torch.zeros_like(skips[i])
        changed = samara.decode(features._replace(skips=tuple(skips)), code)[0]
        assert (changed - expected).abs().max() > 1e-3
    elsewhere = code._replace(places=code.places.moved(40.0, 40.0))
    assert (samara.decode(features, elsewhere)[0] - expected).abs().max() > 1e-3
    blank = code._replace(maps=torch.zeros_like(code.maps))
    assert (samara.decode(features, blank)[0] - expected).abs().max() > 1e-3
    assert F.interpolate(expected, 128).shape == (1, 3, 128, 128)


def test_prompts_drawn_finely_change_nothing_as_new_and_act_at_their_place():
    model = SamModel(SamConfig.samara_tiny(128)).eval()
    features = model.encode(torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)))
    code = model.prompt_encoder(boxes=torch.tensor([[40.0, 20.0, 80.0, 60.0]]))
    projection = model.mask_decoder.fine_projection
    expected = model.decode(features, code)[0]
    model.mask_decoder.fine_projection = None
    assert torch.equal(model.decode(features, code)[0], expected)
    model.mask_decoder.fine_projection = projection
    projection.weight[:, 3] = 0.5  # the rectangle: nothing of it is seen outside
    changed = (model.decode(features, code)[0] - expected).abs().amax((0, 1)) > 1e-3
    rows, cols = changed.nonzero().unbind(1)
    assert rows.min() >= 5
    assert rows.max() <= 35
    assert cols.min() >= 15
    assert cols.max() <= 45
    assert changed[12:28, 22:38].all()


def test_masks_that_promise_too_little_are_not_made(tiny_sam):
    generator = torch.Generator().manual_seed(3)
    embedding = torch.randn(1, 32, 4, 4, generator=generator)
    points = 64 * torch.rand(9, 1, 2, generator=generator)
    code = tiny_sam.prompt_encoder(points, torch.ones(9, 1, dtype=torch.int64))
    features = ImageFeatures(embedding)
    with torch.inference_mode():
        expected, iou = tiny_sam.decode(features, code)
        best = iou.amax(1)
        least = float(best.median())
        found, same = tiny_sam.decode_good(features, code, least)
        nothing, _ = tiny_sam.decode_good(features, code, float(best.max()) + 1)
    assert torch.equal(iou, same)
    made = best >= least
    assert 0 < made.sum() < 9
    assert_close(found[made], expected[made])
    assert not found[~made].any()
    assert not nothing.any()
    assert nothing.shape == expected.shape
