"""Names and shapes must fit before anything is given memory."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from tests.checkpoints.conftest import same_weights, vit_config

from napari_samara.checkpoints import fill
from napari_samara.checkpoints.fill import filled_model
from napari_samara.errors import CheckpointError, KeyMismatchError

NAME = "mask_decoder.iou_token.weight"


def write(state, folder, suffix):
    path = folder / f"w{suffix}"
    state = {k: v.clone() for k, v in state.items()}
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    return path


@pytest.fixture(params=[".pth", ".safetensors"])
def suffix(request):
    return request.param


def fill_from(path, config=None):
    return filled_model((path,), lambda _: config or vit_config(), "tiny")


def test_weights_arrive_and_the_model_is_ready(vit, tmp_path, suffix):
    model, raw = fill_from(write(vit.state_dict(), tmp_path, suffix))
    assert same_weights(model, vit)
    assert not model.training
    assert raw.extra == ()
    assert all(p.requires_grad and p.device.type == "cpu" for p in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(vit, tmp_path, suffix, dtype):
    state = {k: v.to(dtype) for k, v in vit.state_dict().items()}
    model, _ = fill_from(write(state, tmp_path, suffix))
    assert {v.dtype for v in model.state_dict().values()} == {torch.float32}
    torch.testing.assert_close(
        model.state_dict()[NAME], vit.state_dict()[NAME], atol=1e-2, rtol=1e-2
    )


@pytest.mark.parametrize("dtype", [torch.int8, torch.complex64])
def test_numbers_of_another_kind_are_refused(vit, tmp_path, dtype):
    state = vit.state_dict() | {NAME: vit.state_dict()[NAME].to(dtype)}
    with pytest.raises(CheckpointError, match=r"iou_token\.weight is stored as"):
        fill_from(write(state, tmp_path, ".pth"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(vit, tmp_path, suffix, value):
    state = dict(vit.state_dict())
    state[NAME] = state[NAME].clone()
    state[NAME][0, 3] = value
    with pytest.raises(CheckpointError, match=f"1 of the .* values of {NAME} are infinite"):
        fill_from(write(state, tmp_path, suffix))


def test_the_lists_of_a_mismatch(vit, tmp_path, suffix):
    state = vit.state_dict()
    gone = [k for k in state if k.startswith("image_encoder.neck")]
    state = {k: v for k, v in state.items() if k not in gone}
    state |= {NAME: torch.zeros(1, 7), "mask_decoder.hf_token.weight": torch.zeros(1)}
    path = write(state, tmp_path, suffix)
    with pytest.raises(KeyMismatchError) as caught:
        fill_from(path)
    error = caught.value
    assert error.missing == tuple(gone)
    assert error.unexpected == ("mask_decoder.hf_token.weight",)
    assert error.misshaped == (f"{NAME} (1, 7) for (1, 32)",)
    for part in (str(path), "6 missing", "1 unexpected", "and 2 more", "(1, 7) for (1, 32)"):
        assert part in str(error)


def test_names_outside_a_sam_are_kept_aside(vit, tmp_path, suffix):
    state = vit.state_dict() | {"seg_head.weight": torch.zeros(1)}
    model, raw = fill_from(write(state, tmp_path, suffix))
    assert raw.extra == ("seg_head.weight",)
    assert same_weights(model, vit)


def test_a_huge_model_is_refused_before_memory_is_taken(vit, tmp_path, suffix, monkeypatch):
    """The configuration passes every bound and would still ask for gigabytes."""
    huge = vit_config(hidden_size=4096, num_attention_heads=64, num_hidden_layers=8, mlp_dim=16384)
    read = []
    monkeypatch.setattr(fill, "read_tensors", lambda p: read.append(p) or torch.load(p))
    path = write(vit.state_dict(), tmp_path, suffix)
    with pytest.raises(KeyMismatchError, match="misshaped"):
        fill_from(path, huge)
    assert bool(read) is (suffix == ".pth")  # a safetensors file is judged by its header
