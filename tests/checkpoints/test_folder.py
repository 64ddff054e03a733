"""What a folder says of itself, true or not."""

from __future__ import annotations

import json

import pytest

from napari_samara.checkpoints.folder import card_licence, read_folder
from napari_samara.checkpoints.save import save_pretrained
from napari_samara.errors import CheckpointError, CheckpointNotFoundError


@pytest.fixture
def folder(vit, tmp_path):
    return save_pretrained(vit, tmp_path / "model")


def edit(path, **changes):
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(values))


def test_a_good_folder(folder, vit):
    found = read_folder(folder)
    assert found.config == vit.config
    assert found.preprocess.longest_edge == 64
    assert [p.name for p in found.weights] == ["model.safetensors"]
    assert found.digested == ("config.json", "preprocessor_config.json", "model.safetensors")
    assert found.licence is None


def test_without_preprocessor_config(folder):
    (folder / "preprocessor_config.json").unlink()
    found = read_folder(folder)
    assert found.preprocess.pad_size == 64
    assert found.digested == ("config.json", "model.safetensors")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "sam2"}, "'sam2'"),
        ({"model_type": None}, "None"),
        ({"vision_config": {"hidden_size": 10**12}}, "hidden_size"),
        ({"vision_config": {"image_size": 2**40}}, "image_size"),
        ({"vision_config": {"hidden_size": -1}}, "hidden_size"),
        ({"vision_config": {"hidden_size": "big"}}, "integer"),
        ({"vision_config": {"mlp_ratio": 1e300}}, "mlp"),
        ({"vision_config": {"mlp_ratio": "x"}}, None),
        ({"vision_config": "text"}, None),
        ({"vision_config": [1, 2]}, None),
        ({"vision_config": {"embed_dims": 5}}, None),
        ({"vision_config": {"embed_dims": [10**9] * 4, "model_type": "tiny_vit"}}, "embed_dims"),
        ({"mask_decoder_config": {"num_hidden_layers": 10**6}}, "num_hidden_layers"),
        ({"mask_decoder_config": {"hidden_size": 0}}, "hidden_size"),
        ({"prompt_encoder_config": {"hidden_size": 512}}, "width"),
    ],
)
def test_configurations_of_no_model(folder, changes, message):
    edit(folder / "config.json", **changes)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_folder(folder)
    assert "config.json" in str(caught.value)


@pytest.mark.parametrize(
    ("part", "name"), [("vision_config", "quick_gelu"), ("mask_decoder_config", "gelu")]
)
def test_activations_that_no_sam_has(folder, part, name):
    values = json.loads((folder / "config.json").read_text())
    values[part]["hidden_act"] = name
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=f"{name}.*{part}"):
        read_folder(folder)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[1]", b"[" * 100_000, b'"' + b"x" * (5 << 20) + b'"']
)
def test_broken_json(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        read_folder(folder)


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors"])
def test_missing_files(folder, gone):
    (folder / gone).unlink()
    with pytest.raises(CheckpointNotFoundError, match=gone):
        read_folder(folder)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({}, "weight_map"),
        ({"weight_map": {}}, "weight_map"),
        ({"weight_map": ["a.safetensors"]}, "weight_map"),
        ({"weight_map": {"a": "../secret.safetensors"}}, "out of the folder"),
        ({"weight_map": {"a": "/etc/x.safetensors"}}, "out of the folder"),
        ({"weight_map": {"a": "sub\\x.safetensors"}}, "out of the folder"),
        ({"weight_map": {"a": "C:x.safetensors"}}, "out of the folder"),
        ({"weight_map": {"a": "weights.bin"}}, "expected .safetensors"),
        ({"weight_map": {"a": 3}}, "expected .safetensors"),
        ({"weight_map": {"a": "gone.safetensors"}}, "lacks gone.safetensors"),
        ({"weight_map": {str(i): f"{i}.safetensors" for i in range(1001)}}, "1001 files"),
    ],
)
def test_indices(folder, index, message):
    (folder / "model.safetensors").rename(folder.parent / "secret.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=message):
        read_folder(folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\nlicense: apache-2.0\ntags: [a]\n---\n# x", "apache-2.0"),
        ("---\ntags: [a]\nlicense: 'cc-by-4.0'\n---\n", "cc-by-4.0"),
        ("---\ntags: [a]\n---\nlicense: mit\n", None),
        ("# x\nlicense: mit\n", None),
        (None, None),
    ],
)
def test_licence_of_a_card(tmp_path, text, expected):
    if text is not None:
        (tmp_path / "README.md").write_text(text)
    assert card_licence(tmp_path / "README.md") == expected
