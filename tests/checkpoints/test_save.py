"""What other programs make of what is written here."""

from __future__ import annotations

import errno
import json
import os
from functools import partial

import pytest
import torch
from safetensors import safe_open
from tests.checkpoints.conftest import same_weights, seeded, tiny_vit_config, vit_config
from tests.reference.torchvision_shim import segment_anything
from transformers import SamImageProcessor
from transformers import SamModel as HfModel

from napari_samara.checkpoints import save
from napari_samara.checkpoints.load import load_checkpoint
from napari_samara.checkpoints.save import save_meta, save_pretrained
from napari_samara.errors import CheckpointError, OutputError
from napari_samara.model.config import SamConfig
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.sam import SamModel

FILES = {"config.json", "preprocessor_config.json", "model.safetensors"}


def names(folder):
    return {p.name for p in folder.iterdir()}


def test_transformers_opens_the_folder_and_sees_the_same(vit, tmp_path):
    folder = save_pretrained(vit, tmp_path / "model")
    assert names(folder) == FILES
    assert len({p.stat().st_mode for p in folder.iterdir()}) == 1  # all as readable as the umask
    theirs, info = HfModel.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    pixels = torch.randn(1, 3, 64, 64)
    points = torch.tensor([[[[20.0, 31.0]]]])
    with torch.no_grad():
        expected = theirs.eval()(pixel_values=pixels, input_points=points)
        ours = vit(pixel_values=pixels, input_points=points)
    torch.testing.assert_close(ours.pred_masks, expected.pred_masks, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.iou_scores, expected.iou_scores, atol=1e-4, rtol=1e-4)
    assert SamImageProcessor.from_pretrained(folder).size == {"longest_edge": 64}


def test_what_transformers_saved_comes_back_from_ours(vit, tmp_path):
    save_pretrained(vit, tmp_path / "ours")
    HfModel.from_pretrained(tmp_path / "ours").save_pretrained(tmp_path / "theirs")
    assert same_weights(load_checkpoint(tmp_path / "theirs").model, vit)


@pytest.mark.parametrize(
    "config",
    [
        vit_config(),
        tiny_vit_config(),
        tiny_vit_config(stem_stride=1),
        SamConfig.samara_tiny(image_size=64),
    ],
)
def test_round_trip_of_every_family(config, tmp_path):
    model = seeded(config)
    preprocess = PreprocessConfig.unscaled(config.image_size)
    card = "---\nlicense: mit\n---\n"
    folder = save_pretrained(model, tmp_path / "model", preprocess, card=card)
    loaded = load_checkpoint(folder)
    assert same_weights(loaded.model, model)
    assert loaded.model.config == config
    assert loaded.preprocess == preprocess
    assert loaded.checkpoint.licence == "mit"


def test_half_precision_halves_the_file_and_comes_back_as_float32(tmp_path):
    model = seeded(SamConfig.samara_tiny(image_size=64))
    big = save_pretrained(model, tmp_path / "a") / "model.safetensors"
    small = save_pretrained(model, tmp_path / "b", dtype=torch.float16) / "model.safetensors"
    assert small.stat().st_size < 0.52 * big.stat().st_size
    with safe_open(small, "pt") as content:
        assert content.metadata() == {"format": "pt"}
        kinds = {content.get_tensor(k).dtype for k in content.keys()}  # noqa: SIM118
    assert kinds == {torch.float16, torch.int64}
    assert load_checkpoint(tmp_path / "b").model.dtype == torch.float32


def test_what_half_precision_cannot_hold_stays_as_it_is(tmp_path):
    model = seeded(SamConfig.samara_tiny(image_size=64))
    name = next(n for n in model.state_dict() if n.endswith("running_var"))
    model.state_dict()[name].fill_(1e5)
    folder = save_pretrained(model, tmp_path / "a", dtype=torch.float16)
    assert json.loads((folder / "config.json").read_text())["torch_dtype"] == "float16"
    again = load_checkpoint(folder).model.state_dict()
    assert torch.equal(again[name], model.state_dict()[name])
    other = name.replace("running_var", "running_mean")
    assert torch.equal(again[other], model.state_dict()[other].half().float())


def metas_tiny_model(config):
    """The same sizes built from segment-anything's own classes."""
    modeling = segment_anything().modeling
    vision, decoder = config.vision_config, config.mask_decoder_config
    side = vision.embedding_size
    return modeling.Sam(
        modeling.ImageEncoderViT(
            img_size=vision.image_size,
            patch_size=vision.patch_size,
            embed_dim=vision.hidden_size,
            depth=vision.num_hidden_layers,
            num_heads=vision.num_attention_heads,
            mlp_ratio=vision.mlp_dim / vision.hidden_size,
            out_chans=vision.output_channels,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=vision.window_size,
            global_attn_indexes=vision.global_attn_indexes,
        ),
        modeling.PromptEncoder(
            embed_dim=decoder.hidden_size,
            image_embedding_size=(side, side),
            input_image_size=(vision.image_size, vision.image_size),
            mask_in_chans=config.prompt_encoder_config.mask_input_channels,
        ),
        modeling.MaskDecoder(
            transformer_dim=decoder.hidden_size,
            transformer=modeling.TwoWayTransformer(
                decoder.num_hidden_layers,
                decoder.hidden_size,
                decoder.num_attention_heads,
                decoder.mlp_dim,
            ),
            num_multimask_outputs=decoder.num_multimask_outputs,
            iou_head_depth=decoder.iou_head_depth,
            iou_head_hidden_dim=decoder.iou_head_hidden_dim,
        ),
    ).eval()


def test_segment_anything_reads_metas_layout_and_sees_the_same(vit, tmp_path):
    path = save_meta(vit, tmp_path / "w.pth")
    theirs = metas_tiny_model(vit.config)
    theirs.load_state_dict(torch.load(path, weights_only=True), strict=True)
    ours = load_checkpoint(path).model
    pixels = torch.randn(1, 3, 64, 64)
    points, labels = torch.tensor([[[20.0, 31.0]]]), torch.ones(1, 1)
    with torch.no_grad():
        embedding = theirs.image_encoder(pixels)
        sparse, dense = theirs.prompt_encoder((points, labels), None, None)
        masks, iou = theirs.mask_decoder(
            embedding, theirs.prompt_encoder.get_dense_pe(), sparse, dense, multimask_output=True
        )
        result = ours(pixel_values=pixels, input_points=points[None], input_labels=labels[None])
    torch.testing.assert_close(ours.get_image_embeddings(pixels), embedding, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(result.pred_masks[0], masks, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(result.iou_scores[0], iou, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_the_registry_of_segment_anything_opens_a_full_vit_b(tmp_path):
    with torch.device("meta"):
        model = SamModel(SamConfig.vit_b())
    model = model.to_empty(device="cpu")
    for value in model.state_dict().values():
        value.fill_(0.25)
    path = save_meta(model, tmp_path / "w.pth")
    theirs = segment_anything().sam_model_registry["vit_b"](checkpoint=path)
    assert all(bool((v == 0.25).all()) for v in theirs.state_dict().values())
    assert load_checkpoint(path).checkpoint.family == "vit_b"


@pytest.mark.parametrize("config", [vit_config(), tiny_vit_config(image_size=1024)])
def test_metas_layout_comes_back(config, tmp_path):
    model = seeded(config)
    path = save_meta(model, tmp_path / "new" / "w.pth")
    assert names(path.parent) == {"w.pth"}
    assert same_weights(load_checkpoint(path).model, model)
    assert set(torch.load(path, weights_only=True)) == set(model.state_dict())


def test_samara_has_no_meta_layout(tmp_path):
    with pytest.raises(CheckpointError, match="save_pretrained"):
        save_meta(SamModel(SamConfig.samara_tiny(64)), tmp_path / "w.pth")
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_keeps_its_other_files(vit, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "config.json").write_text("old")
    save_pretrained(vit, tmp_path)
    assert names(tmp_path) == FILES | {"notes.txt"}
    assert same_weights(load_checkpoint(tmp_path).model, vit)


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("what", ["pretrained", "meta"])
def test_a_full_disk_leaves_nothing(vit, tmp_path, monkeypatch, existing, what):
    target = tmp_path / "model"
    if existing:
        target.mkdir()

    def full(state: object, path: object, **_: object) -> None:
        with open(str(path), "wb") as stream:
            stream.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(save, "save_file", full)
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match="no space left"):
        save_pretrained(vit, target) if what == "pretrained" else save_meta(vit, target / "w.pth")
    assert target.exists() is existing
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    assert names(tmp_path) <= {"model"}


def test_a_target_that_cannot_be_written(vit, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        save_pretrained(vit, tmp_path / "file" / "model")
