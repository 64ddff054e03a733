"""Tests of starting weights."""

from __future__ import annotations

import torch
from tests.training.miniature import make_model

from napari_samara.model.transformer import Attention
from napari_samara.training.initialise import initialise
from napari_samara.training.loop import initialise as from_the_loop


def test_queries_and_keys_share_an_orthogonal_matrix() -> None:
    model = make_model()
    initialise(model)
    found = [m for m in model.mask_decoder.transformer.modules() if isinstance(m, Attention)]
    assert len(found) == 7
    for attention in found:
        weight = attention.q_proj.weight
        assert torch.equal(weight, attention.k_proj.weight)
        torch.testing.assert_close(weight @ weight.T, 2.25 * torch.eye(len(weight)))
        assert not attention.q_proj.bias.any()
        assert not attention.k_proj.bias.any()
    weights = [a.q_proj.weight for a in found]
    assert not torch.equal(weights[0], weights[3])


def test_a_place_attends_to_itself() -> None:
    model = make_model()
    initialise(model)
    code = model.prompt_encoder.pe_layer.grid(8).flatten(1).T  # (64, C)
    attention = model.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    product = attention.q_proj(code) @ attention.k_proj(code).T
    hits = (product.argmax(1) == torch.arange(64)).float().mean()
    assert hits > 0.5  # an inner width of 8 leaves little room


def test_seed_decides_and_the_rest_stays() -> None:
    models = [make_model() for _ in range(3)]
    untouched = make_model().state_dict()
    for model, seed in zip(models, (1, 1, 2), strict=True):
        torch.manual_seed(seed * 99)  # the global generator does not matter
        initialise(model, seed)
    one, same, other = (model.state_dict() for model in models)
    for name, value in one.items():
        touched = name.endswith("gaussian_matrix") or "q_proj" in name or "k_proj" in name
        touched = touched and not name.startswith("image_encoder")
        assert torch.equal(value, same[name])
        assert torch.equal(value, untouched[name]) != touched
        if touched and name.endswith("weight"):
            assert not torch.equal(value, other[name])


def test_the_loop_hands_it_on() -> None:
    assert from_the_loop is initialise
