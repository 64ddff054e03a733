"""Images in, masks out: the numbers of transformers' image processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tests.reference.seeded import image

from napari_samara.checkpoints.save import save_pretrained
from napari_samara.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    ImageError,
    SettingsError,
)
from napari_samara.model import SamImageProcessor
from napari_samara.model.preprocess import PreprocessConfig

SMALL = {"size": {"longest_edge": 96}, "pad_size": {"height": 96, "width": 96}}
SIZES = [(96, 96), (64, 96), (96, 41), (31, 17), (200, 133), (97, 300), (5, 90), (2, 7)]


def both(**fields):
    return SamImageProcessor(**fields), transformers.SamImageProcessor(**fields)


@pytest.mark.parametrize("shape", SIZES)
def test_pixels_and_sizes(shape):
    ours, theirs = (p(image(*shape), return_tensors="pt") for p in both(**SMALL))
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name].dtype == theirs[name].dtype
        assert torch.equal(ours[name], theirs[name])


def test_full_size():
    ours, theirs = (p(image(700, 1100), return_tensors="np") for p in both())
    assert np.array_equal(ours.pixel_values, theirs.pixel_values)


@pytest.mark.parametrize(
    "fields",
    [
        {"image_mean": [0.1, 0.2, 0.3], "image_std": [1.0, 2.0, 0.5]},
        {"do_normalize": False},
        {"do_rescale": False},
        {"rescale_factor": 1 / 100},
        {"size": {"longest_edge": 80}},
    ],
)
def test_other_normalisations_for_good_or_for_one_call(fields):
    picture = image(50, 70)
    expected = transformers.SamImageProcessor(**SMALL | fields)(picture, return_tensors="pt")
    for found in (
        SamImageProcessor(**SMALL | fields)(picture, return_tensors="pt"),
        SamImageProcessor(**SMALL)(picture, return_tensors="pt", **fields),
    ):
        assert torch.equal(found.pixel_values, expected.pixel_values.float())
        assert torch.equal(found.reshaped_input_sizes, expected.reshaped_input_sizes)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "LA", "CMYK"])
def test_modes_of_pillow(mode):
    picture = Image.fromarray(image(40, 60)).convert(mode)
    ours, theirs = (p(picture, return_tensors="pt").pixel_values for p in both(**SMALL))
    assert torch.equal(ours, theirs)


def test_batches():
    pictures = [image(40, 60), image(90, 30, seed=1), image(96, 96, seed=2)]
    ours, theirs = (p(pictures, return_tensors="pt") for p in both(**SMALL))
    for name in ours:
        assert torch.equal(ours[name], theirs[name])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, bool, np.float32])
def test_segmentation_maps(dtype):
    picture = image(70, 111)
    labels = (picture[..., 0] // 50).astype(dtype)
    ours, theirs = (
        p(picture, segmentation_maps=labels, return_tensors="pt") for p in both(**SMALL)
    )
    assert torch.equal(ours.labels, theirs.labels)
    assert ours.labels.dtype == theirs.labels.dtype


def test_labels_beyond_8_bits_stay():
    labels = np.arange(20, dtype=np.int32).reshape(4, 5) * 100_000
    processor = SamImageProcessor(**SMALL, mask_size=5, mask_pad_size=6)
    found = processor(np.zeros((4, 5, 3), np.uint8), segmentation_maps=[labels])["labels"]
    assert found.shape == (1, 6, 6)
    assert np.array_equal(found[0, :4, :5], labels)
    assert found[0, 4:].sum() == found[0, :, 5:].sum() == 0


@pytest.mark.parametrize("maps", [np.zeros((5, 4), int), np.zeros((2, 4, 5), int), []])
def test_maps_of_other_images(maps):
    with pytest.raises(ImageError, match="one an image"):
        SamImageProcessor(**SMALL)(np.zeros((4, 5, 3), np.uint8), segmentation_maps=maps)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("binarize", [True, False])
def test_masks_back_at_the_size_of_the_image(shape, binarize):
    logits = torch.randn(1, 3, 2, 24, 24, generator=torch.Generator().manual_seed(shape[0]))
    given = None
    found = []
    for processor in both(**SMALL):
        inputs = processor(image(*shape), return_tensors="pt")
        given = inputs.original_sizes, inputs.reshaped_input_sizes
        found.append(processor.post_process_masks(logits.clone(), *given, binarize=binarize))
    assert found[0][0].shape == (3, 2, *shape)
    assert torch.equal(found[0][0], found[1][0])


@pytest.mark.parametrize("kind", [list, np.asarray, torch.as_tensor])
def test_post_processing_of_a_batch(kind):
    sizes, inner = [(40, 60), (90, 30)], [(64, 96), (96, 32)]
    logits = torch.randn(2, 1, 3, 24, 24)
    ours, theirs = both(**SMALL)
    expected = theirs.post_process_masks(list(logits), sizes, inner, mask_threshold=0.3)
    for masks in (logits, list(logits), logits.numpy()):
        found = ours.post_process_masks(masks, kind(sizes), kind(inner), mask_threshold=0.3)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    pad = {"height": 128, "width": 128}
    expected = theirs.post_process_masks(list(logits), sizes, inner, pad_size=pad)
    for side in (128, pad):
        found = ours.post_process_masks(logits, sizes, inner, pad_size=side)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_call_without_tensors():
    found = SamImageProcessor(**SMALL)(image(9, 8))
    assert all(isinstance(value, np.ndarray) for value in found.values())
    with pytest.raises(SettingsError, match="'jax'"):
        SamImageProcessor(**SMALL)(image(9, 8), return_tensors="jax")


def test_fields_that_do_not_exist():
    with pytest.raises(TypeError, match="use_fast"):
        SamImageProcessor(use_fast=True)
    with pytest.raises(CheckpointError, match="do_resize"):
        SamImageProcessor(do_resize=False)


@pytest.mark.parametrize(
    "config", [PreprocessConfig.unscaled(64), PreprocessConfig(48, 64, per_image=True)]
)
def test_saved_and_read(config, tmp_path):
    SamImageProcessor(config).save_pretrained(tmp_path / "new" / "folder")
    found = SamImageProcessor.from_pretrained(tmp_path / "new" / "folder")
    assert found.config == config
    assert [p.name for p in (tmp_path / "new" / "folder").iterdir()] == ["preprocessor_config.json"]


def test_transformers_reads_what_is_saved(tmp_path):
    processor = SamImageProcessor(**SMALL, image_mean=[0.3, 0.2, 0.1])
    processor.save_pretrained(tmp_path)
    theirs = transformers.SamImageProcessor.from_pretrained(tmp_path)
    for name in ("size", "pad_size", "image_mean", "image_std", "rescale_factor"):
        assert getattr(theirs, name) == processor.to_dict()[name]
    theirs.save_pretrained(tmp_path / "again")
    assert SamImageProcessor.from_pretrained(tmp_path / "again").config == processor.config


def test_of_a_model_without_its_own_file(tiny_sam, tmp_path):
    folder = save_pretrained(tiny_sam, tmp_path)
    (folder / "preprocessor_config.json").unlink()
    assert SamImageProcessor.from_pretrained(folder).config == PreprocessConfig(64, 64)


def test_no_such_model(tmp_path):
    with pytest.raises(CheckpointNotFoundError):
        SamImageProcessor.from_pretrained(tmp_path)
