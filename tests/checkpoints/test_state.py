"""Reading files that may hold anything."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from napari_samara.checkpoints.keys import to_hugging_face
from napari_samara.checkpoints.state import find_sam, is_unused, read_tensors, tensor_shapes
from napari_samara.errors import CheckpointError, UnsafeCheckpointError

TOUCHED = "touched-by-pickle"


class Harmful:
    """Makes a file in the working folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (TOUCHED,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("how", ["torch", "legacy", "plain"])
def test_a_file_with_code_is_refused_and_runs_nothing(tmp_path, monkeypatch, how, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pth"
    content = {"image_encoder.x": torch.zeros(2), "also": Harmful()}
    if how == "plain":
        path.write_bytes(pickle.dumps(content["also"], protocol))
    else:
        torch.save(
            content,
            path,
            pickle_protocol=max(protocol, 2),
            _use_new_zipfile_serialization=how == "torch",
        )
    with pytest.raises(CheckpointError) as caught:
        read_tensors(path)
    assert isinstance(caught.value, UnsafeCheckpointError)
    assert "refused" in str(caught.value)
    assert not (tmp_path / TOUCHED).exists()


def test_torchscript_is_refused(tmp_path):
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(path, "w") as archive:  # what makes torch take a file for TorchScript
        archive.writestr("w/constants.pkl", b"\x80\x02)\x2e")
        archive.writestr("w/data.pkl", b"\x80\x02}\x2e")
        archive.writestr("w/version", b"3\n")
    with pytest.raises(UnsafeCheckpointError, match="refused"):
        read_tensors(path)


def test_archive_of_very_old_torch_is_refused(tmp_path):
    path = tmp_path / "w.pt"
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            inner = tarfile.TarInfo(name)
            inner.size = 3
            archive.addfile(inner, io.BytesIO(b"abc"))
    with pytest.raises(UnsafeCheckpointError, match="refused"):
        read_tensors(path)


@pytest.mark.parametrize("keep", [0, 1, 10, 500, -1, -200])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated(tmp_path, keep, suffix):
    path = tmp_path / f"w{suffix}"
    state = {"image_encoder.a": torch.randn(40, 40)}
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="cut off or no weights file"):
        read_tensors(path)
    if suffix == ".safetensors":
        with pytest.raises(CheckpointError, match="cut off or no weights file"):
            tensor_shapes(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"<!DOCTYPE html><html>", b"version https://git-lfs", bytes(5000), b"hello\n" * 99]
)
def test_no_weights_at_all(tmp_path, content, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        read_tensors(path)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes(tmp_path, seed):
    path = tmp_path / "w.pth"
    generator = torch.Generator().manual_seed(seed)
    path.write_bytes(bytes(torch.randint(0, 256, (3000,), generator=generator).tolist()))
    with pytest.raises(CheckpointError):
        read_tensors(path)


def test_something_else_in_a_good_file(tmp_path):
    path = tmp_path / "w.pth"
    torch.save([torch.zeros(2)], path)
    with pytest.raises(CheckpointError, match="holds a list"):
        read_tensors(path)


def test_shapes_without_reading(tmp_path):
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(())}, tmp_path / "w.safetensors")
    assert tensor_shapes(tmp_path / "w.safetensors") == {"a": (2, 3), "b": ()}


@pytest.mark.parametrize(
    ("wrap", "extra"),
    [
        (lambda s: s, ()),
        (lambda s: {"model": s, "epoch": 3, "optimizer": {"lr": 1}}, ("epoch", "optimizer.lr")),
        (lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}}, ()),
        (lambda s: {"model": {"state_dict": s}}, ()),
        (lambda s: {f"_orig_mod.module.{k}": v for k, v in s.items()}, ()),
        (
            lambda s: {
                "model_state": {f"sam.{k}": v for k, v in s.items()},
                "decoder_state": {"out_conv.weight": torch.zeros(1), "out_conv.bias": 0},
            },
            ("decoder_state.out_conv.weight", "decoder_state.out_conv.bias"),
        ),
        (lambda s: {f"sam.{k}": v for k, v in s.items()} | {"loss.w": torch.ones(1)}, ("loss.w",)),
        (lambda s: s | {"pixel_mean": torch.ones(3)}, ("pixel_mean",)),
    ],
)
@pytest.mark.parametrize("hugging_face", [False, True])
def test_wrappers_and_prefixes_come_off(vit, wrap, extra, hugging_face):
    state = vit.state_dict()
    raw = find_sam(wrap(to_hugging_face(state) if hugging_face else state), "w.pth")
    assert set(raw.tensors) == set(state)
    assert all(raw.tensors[k] is state[k] or torch.equal(raw.tensors[k], state[k]) for k in state)
    assert set(raw.extra) == set(extra)
    assert raw.hugging_face is hugging_face


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no SAM weights"),
        ({"layer1.0.conv1.weight": torch.zeros(1)}, r"layer1\.0\.conv1\.weight"),
        ({"model": {"fc.weight": torch.zeros(1)}}, r"fc\.weight"),
        ({"image_encoder.trunk.pos_embed": torch.zeros(1)}, "SAM 2"),
        ({"image_encoder.a": "text"}, "no SAM weights"),
    ],
)
def test_other_models(content, message):
    with pytest.raises(CheckpointError, match=message):
        find_sam(content, "w.pth")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("image_encoder.head.weight", True),
        ("image_encoder.norm_head.bias", True),
        ("image_encoder.layers.1.blocks.0.attn.attention_bias_idxs", True),
        ("pixel_std", True),
        ("image_encoder.neck.0.weight", False),
        ("mask_decoder.head.weight", False),
    ],
)
def test_names_that_nothing_uses(name, expected):
    assert is_unused(name) is expected
