"""One call for names, files, folders and hub ids."""

from __future__ import annotations

import json
import os
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.checkpoints.conftest import same_weights, seeded, tiny_vit_config, vit_config

from napari_samara.checkpoints import catalog, load
from napari_samara.checkpoints.digest import file_digest, folder_digest
from napari_samara.checkpoints.entries import Entry
from napari_samara.checkpoints.load import load_checkpoint
from napari_samara.checkpoints.save import save_meta, save_pretrained
from napari_samara.checkpoints.transfer import Reporter, Source
from napari_samara.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    ChecksumError,
    KeyMismatchError,
    OfflineError,
    UnsafeCheckpointError,
)
from napari_samara.model.config import SamConfig
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.sam import SamModel

pytestmark = pytest.mark.usefixtures("no_network", "cache")


@pytest.fixture
def folder(vit, tmp_path):
    return save_pretrained(vit, tmp_path / "a" / "model")


@pytest.fixture
def meta_file(vit, tmp_path):
    return save_meta(vit, tmp_path / "a" / "mine.pth")


def test_a_folder(folder, vit):
    loaded = load_checkpoint(folder)
    assert same_weights(loaded.model, vit)
    assert loaded.extra == ()
    found = loaded.checkpoint
    assert (found.name, found.family, found.licence) == ("model", "vit", None)
    assert found.path == folder
    files = ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert found.sha256 == folder_digest(folder, files)


@pytest.mark.parametrize("as_text", [False, True])
def test_a_file(meta_file, vit, as_text):
    loaded = load_checkpoint(str(meta_file) if as_text else meta_file)
    assert same_weights(loaded.model, vit)
    assert loaded.checkpoint.name == "mine"
    assert loaded.checkpoint.sha256 == file_digest(meta_file)
    assert loaded.preprocess == PreprocessConfig(64, 64)


def test_relative_paths_and_the_weights_of_a_folder(folder, vit, monkeypatch):
    monkeypatch.chdir(folder.parent)
    for source in ("model", "./model", "model/model.safetensors"):
        loaded = load_checkpoint(source)
        assert loaded.checkpoint.name == "model"
        assert loaded.checkpoint.path.is_absolute()
        assert same_weights(loaded.model, vit)


def test_a_safetensors_file_alone(folder, vit):
    alone = folder.parent / "alone.safetensors"
    (folder / "model.safetensors").rename(alone)
    loaded = load_checkpoint(alone)
    assert loaded.model.config == vit.config  # transformers' names, so transformers' constants
    assert same_weights(loaded.model, vit)


def test_pickled_weights_in_a_folder(folder, vit):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert same_weights(load_checkpoint(folder).model, vit)


def test_shards(folder, vit):
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    table = {}
    for i, part in enumerate((list(state)[::2], list(state)[1::2]), start=1):
        name = f"model-0000{i}-of-00002.safetensors"
        save_file({k: state[k] for k in part}, folder / name)
        table |= dict.fromkeys(part, name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    loaded = load_checkpoint(folder)
    assert same_weights(loaded.model, vit)
    save_file(state, folder / "model-00002-of-00002.safetensors")
    with pytest.raises(CheckpointError, match="repeats"):
        load_checkpoint(folder)


def test_preprocessor_config_is_honoured(vit, tmp_path):
    preprocess = PreprocessConfig(60, 64, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), 0.5)
    save_pretrained(vit, tmp_path / "model", preprocess)
    assert load_checkpoint(tmp_path / "model").preprocess == preprocess


def test_micro_sam_training_layout(vit, tmp_path):
    content = {
        "model_state": {f"sam.{k}": v for k, v in vit.state_dict().items()},
        "decoder_state": {"base.weight": torch.zeros(2)},
    }
    torch.save(content, tmp_path / "best.pt")
    loaded = load_checkpoint(tmp_path / "best.pt")
    assert same_weights(loaded.model, vit)
    assert loaded.extra == ("decoder_state.base.weight",)


def test_mobile_sam_with_its_classification_head(tmp_path):
    model = seeded(tiny_vit_config(image_size=1024))
    head = {
        "image_encoder.norm_head.weight": torch.ones(320),
        "image_encoder.head.bias": torch.ones(9),
    }
    torch.save(model.state_dict() | head, tmp_path / "mobile_sam.pt")
    loaded = load_checkpoint(tmp_path / "mobile_sam.pt")
    assert same_weights(loaded.model, model)
    assert loaded.checkpoint.family == "tiny_vit"
    assert loaded.preprocess.longest_edge == 1024
    assert set(loaded.extra) == set(head)


def test_lite_medsam(tmp_path):
    model = seeded(tiny_vit_config(stem_stride=1, image_size=256))
    loaded = load_checkpoint(save_meta(model, tmp_path / "lite_medsam.pth"))
    assert loaded.model.config.vision_config.stem_stride == 1
    assert loaded.model.config.image_size == 256
    pixels = torch.randn(1, 3, 256, 256)
    assert loaded.model.get_image_embeddings(pixels).shape == (1, 32, 64, 64)


def test_a_config_for_what_the_shapes_do_not_tell(tmp_path):
    config = vit_config()
    decoder = config.mask_decoder_config.replace(num_attention_heads=2)
    config = SamConfig(config.vision_config, config.prompt_encoder_config, decoder)
    path = save_meta(seeded(config), tmp_path / "w.pth")
    assert load_checkpoint(path, config=config).model.config == config
    assert load_checkpoint(path).model.config != config


def test_the_model_class_calls_it(folder, vit):
    assert same_weights(SamModel.from_pretrained(folder), vit)


@pytest.mark.parametrize(
    "source",
    [
        "gone.pth",
        "./gone",
        "~/gone-checkpoint",
        "/gone/model",
        "a/b/c",
        "a\\b",
        "x/gone.safetensors",
    ],
)
def test_paths_that_are_not_there_never_become_hub_ids(source):
    with pytest.raises(CheckpointNotFoundError, match="no file or folder"):
        load_checkpoint(source)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match=r"config\.json"):
        load_checkpoint(tmp_path)


def test_an_unknown_name():
    with pytest.raises(CheckpointNotFoundError, match="known: samara-tiny"):
        load_checkpoint("samara-huge")


def test_a_suffix_that_is_not_weights(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"\.safetensors"):
        load_checkpoint(tmp_path / "model.onnx")


def test_a_hub_id_loads_the_snapshot_and_records_the_commit(folder, vit, monkeypatch):
    asked = []
    monkeypatch.setattr(
        load, "fetch_repository", lambda *given: (asked.append(given), (folder, "abc123"))[1]
    )
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    reporter = Reporter()
    loaded = load_checkpoint("owner/name@main", reporter=reporter)
    assert asked == [("owner/name@main", reporter)]
    assert same_weights(loaded.model, vit)
    found = loaded.checkpoint
    assert (found.name, found.revision, found.licence) == ("owner/name", "abc123", "apache-2.0")


def test_a_hub_id_offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError):
        load_checkpoint("owner/napari-samara-test")


def register(monkeypatch, path, **known):
    source = Source("https://example.org/x", path.name, **known)
    entry = Entry("toy", "vit", 1, "MIT", "a toy", (source,), unscaled=True)
    monkeypatch.setattr(catalog, "ENTRIES", (entry,))


def test_a_catalog_name_is_checked_and_carries_its_facts(meta_file, vit, monkeypatch, cache):
    register(monkeypatch, meta_file)
    here = cache / "models" / "toy" / meta_file.name
    here.parent.mkdir(parents=True)
    here.write_bytes(meta_file.read_bytes())
    loaded = load_checkpoint("toy")
    assert same_weights(loaded.model, vit)
    assert (loaded.checkpoint.name, loaded.checkpoint.licence) == ("toy", "MIT")
    assert loaded.preprocess == PreprocessConfig.unscaled(64)
    here.write_bytes(here.read_bytes() + b"x")
    with pytest.raises(ChecksumError, match="changed"):
        load_checkpoint("toy")


@pytest.mark.parametrize("algorithm", ["sha256", "md5", None])
def test_a_published_file_is_recognised_wherever_it_lies(meta_file, monkeypatch, algorithm):
    known = {algorithm: file_digest(meta_file, algorithm)} if algorithm else {}
    register(monkeypatch, meta_file, **known)
    loaded = load_checkpoint(meta_file)
    assert loaded.checkpoint.name == "mine"
    assert loaded.checkpoint.licence == ("MIT" if algorithm else None)
    assert (loaded.preprocess == PreprocessConfig.unscaled(64)) is bool(algorithm)


def test_the_shipped_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(catalog, "_SHIPPED", tmp_path)
    model = seeded(SamConfig.samara_tiny(64))
    save_pretrained(model, tmp_path / "samara-tiny")
    loaded = load_checkpoint("samara-tiny")
    assert same_weights(loaded.model, model)
    assert (loaded.checkpoint.name, loaded.checkpoint.family) == ("samara-tiny", "samara")
    assert loaded.checkpoint.licence == "BSD-3-Clause"


class Harmful:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("touched-by-pickle",)


@pytest.mark.parametrize("where", ["file", "folder"])
def test_code_is_refused(folder, monkeypatch, where):
    monkeypatch.chdir(folder.parent)
    path = folder / ("bad.pth" if where == "file" else "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    path.write_bytes(pickle.dumps({"image_encoder.x": Harmful()}))
    with pytest.raises(UnsafeCheckpointError):
        load_checkpoint(path if where == "file" else folder)
    assert not (folder.parent / "touched-by-pickle").exists()


def test_weights_of_another_size_than_the_config_says(folder):
    values = json.loads((folder / "config.json").read_text())
    values["vision_config"]["num_hidden_layers"] = 4
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(KeyMismatchError) as caught:
        load_checkpoint(folder)
    assert caught.value.missing
    assert all(n.startswith("image_encoder.blocks.3.") for n in caught.value.missing)
