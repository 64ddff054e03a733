"""Meta's package on the same weights: the same boolean masks, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference.seeded import fill, image
from tests.reference.torchvision_shim import segment_anything
from torch.testing import assert_close

from napari_samara.engine.device import choose_device
from napari_samara.engine.predictor import Predictor
from napari_samara.model import SamConfig, SamModel

META_EPS = 1e-5
"""Of the layer norms in Meta's decoder; transformers has 1e-6 there."""

SIZE, WIDTH = 256, 64
SHAPES = [(256, 256), (150, 200), (311, 97), (40, 61)]


def theirs_of(config):
    """Meta's model of the same sizes; its builders know only B, L and H."""
    package = segment_anything()
    from segment_anything import modeling

    vision, decoder = config.vision_config, config.mask_decoder_config
    encoder = modeling.ImageEncoderViT(
        img_size=vision.image_size,
        patch_size=vision.patch_size,
        embed_dim=vision.hidden_size,
        depth=vision.num_hidden_layers,
        num_heads=vision.num_attention_heads,
        out_chans=vision.output_channels,
        norm_layer=lambda width: torch.nn.LayerNorm(width, eps=vision.layer_norm_eps),
        use_rel_pos=True,
        window_size=vision.window_size,
        global_attn_indexes=vision.global_attn_indexes,
    )
    side = (vision.embedding_size,) * 2
    prompts = modeling.PromptEncoder(vision.output_channels, side, (vision.image_size,) * 2, 16)
    transformer = modeling.TwoWayTransformer(
        decoder.num_hidden_layers,
        decoder.hidden_size,
        decoder.num_attention_heads,
        decoder.mlp_dim,
    )
    head = modeling.MaskDecoder(
        transformer_dim=decoder.hidden_size,
        transformer=transformer,
        iou_head_hidden_dim=decoder.iou_head_hidden_dim,
    )
    return package, modeling.Sam(encoder, prompts, head).eval()


def pair_of(tune=None):
    """Our predictor and Meta's with the same seeded weights, changed by `tune` beforehand."""
    config = SamConfig.from_dict(
        {
            "vision_config": {
                "hidden_size": 96,
                "output_channels": WIDTH,
                "num_hidden_layers": 4,
                "num_attention_heads": 4,
                "image_size": SIZE,
                "window_size": 14,
                "global_attn_indexes": [1, 3],
                "num_pos_feats": WIDTH // 2,
            },
            "prompt_encoder_config": {"hidden_size": WIDTH, "image_size": SIZE},
            "mask_decoder_config": {
                "hidden_size": WIDTH,
                "mlp_dim": 128,
                "num_attention_heads": 4,
                "iou_head_hidden_dim": WIDTH,
                "layer_norm_eps": META_EPS,
            },
        }
    )
    ours = SamModel(config).eval()
    fill(ours.state_dict())
    if tune is not None:
        tune(ours)
    package, theirs = theirs_of(config)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return Predictor(ours, choice=choose_device("cpu")), package.SamPredictor(theirs)


@pytest.fixture(scope="module")
def pair():
    return pair_of()


def scaled(shape):
    """(row, col) points and a (row0, col0, row1, col1) box of whole numbers inside a shape."""
    rows, cols = shape
    points = np.array([(0.4, 0.3), (0.7, 0.8), (0.1, 0.9)]) * shape
    box = np.array([0.2 * rows, 0.1 * cols, 0.8 * rows, 0.7 * cols])
    return points.round(), box.round()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["point", "points", "box", "box and points"])
@pytest.mark.parametrize("multimask", [True, False])
def test_masks_of_the_predictor(pair, shape, kind, multimask):
    ours, theirs = pair
    picture = image(*shape)
    points, box = scaled(shape)
    positive = np.array([True, False, True])
    count = {"point": 1, "box": 0}.get(kind, 3)
    points, positive = points[:count], positive[:count]
    box = box if "box" in kind else None
    theirs.set_image(picture)
    expected, scores, _ = theirs.predict(
        points[:, ::-1] if count else None,
        positive.astype(int) if count else None,
        None if box is None else box[[1, 0, 3, 2]],
        multimask_output=multimask,
        return_logits=True,
    )
    given = {"points": points, "positive": positive} if count else {}
    found = ours.predict(ours.embed(picture), box=box, multimask=multimask, **given)
    order = np.argsort(-scores, kind="stable")
    assert len(found) == len(expected)
    for mask, i in zip(found, order, strict=True):
        assert mask.data.shape == shape
        assert mask.score == pytest.approx(scores[i], abs=1e-4)
        clear = np.abs(expected[i]) > 1e-6  # at a logit of 1e-9 the order of a sum decides
        assert clear.mean() > 0.999
        assert np.array_equal(mask.data[clear], expected[i][clear] > 0)


def test_embedding_of_an_image(pair):
    ours, theirs = pair
    picture = image(150, 200)
    theirs.set_image(picture)
    expected = theirs.get_image_embedding()[0]
    assert_close(torch.tensor(ours.embed(picture).image), expected, atol=1e-4, rtol=0.0)


def test_many_boxes(pair):
    ours, theirs = pair
    picture = image(150, 200)
    boxes = np.array([[10, 20, 60, 90], [40, 100, 140, 190], [0, 0, 149, 199]])
    theirs.set_image(picture)
    xyxy = theirs.transform.apply_boxes_torch(torch.tensor(boxes[:, [1, 0, 3, 2]]), (150, 200))
    expected, *_ = theirs.predict_torch(None, None, boxes=xyxy, multimask_output=False)
    found = ours.predict_many(ours.embed(picture), boxes=boxes)
    for mask, one in zip(found, expected[:, 0].numpy(), strict=True):
        assert np.array_equal(mask.data, one)


def test_refined_by_an_earlier_mask(pair):
    ours, theirs = pair
    picture = image(150, 200)
    theirs.set_image(picture)
    point = np.array([[70.0, 90.0]])
    _, _, logits = theirs.predict(point[:, ::-1], np.array([1]), multimask_output=False)
    again = np.array([[70.0, 90.0], [20.0, 20.0]])
    expected, *_ = theirs.predict(
        again[:, ::-1], np.array([1, 0]), mask_input=logits, multimask_output=False
    )
    embedding = ours.embed(picture)
    (first,) = ours.predict(embedding, points=point, multimask=False)
    assert np.abs(first.logits - logits[0]).max() <= 1e-4
    (found,) = ours.predict(
        embedding, points=again, positive=[True, False], mask=first, multimask=False
    )
    assert np.array_equal(found.data, expected[0])
