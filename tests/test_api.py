"""Tests of the headless verbs."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

import napari_samara as samara
from napari_samara import api
from napari_samara.errors import CheckpointNotFoundError, DeviceError, FileFormatError, PromptError
from napari_samara.prompts import PromptSet, box, point, write_prompts
from napari_samara.settings import PredictSettings, SegmentSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor

PROMPTS = PromptSet.from_objects({4: [point(20, 20)], 2: [box(50, 60, 90, 110)]})


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    api._kept.clear()
    yield
    api._kept.clear()


def test_list_checkpoints_has_the_shipped_one_first() -> None:
    found = samara.list_checkpoints()
    assert isinstance(found, list)
    assert found[0].name == api.DEFAULT_CHECKPOINT
    assert all(info.family and info.licence and info.size_mb for info in found)


def test_load_names_the_checkpoint_and_the_device(tiny_folder: Path) -> None:
    found = samara.load(tiny_folder, device="cpu", precision="bf16")
    assert found.checkpoint is not None
    assert found.checkpoint.path == tiny_folder
    assert (found.device.device, found.device.precision) == ("cpu", "bfloat16")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": "no-such-checkpoint"}, CheckpointNotFoundError),
        ({"name": "./no/such/file.pth"}, CheckpointNotFoundError),
        ({"device": "tpu"}, DeviceError),
        ({"precision": "int3"}, DeviceError),
    ],
)
def test_load_refuses(options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        samara.load(**options)


def test_the_last_two_are_kept(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = samara.load(tiny_folder, device="cpu")
    assert samara.load(str(tiny_folder), device="cpu") is first
    monkeypatch.chdir(tiny_folder.parent)
    assert samara.load(f"./{tiny_folder.name}", device="cpu") is first
    assert samara.load(tiny_folder, device="cpu", precision="bfloat16") is not first
    assert samara.load(tiny_folder, device="cpu") is first
    samara.load(tiny_folder, device="cpu", precision="float16")
    samara.load(tiny_folder, device="cpu", precision="bfloat16")
    assert len(api._kept) == 2
    assert samara.load(tiny_folder, device="cpu") is not first


def test_changed_files_are_loaded_again(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_folder, folder)
    first = samara.load(folder, device="cpu")
    assert samara.load(folder, device="cpu") is first
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert samara.load(folder, device="cpu") is not first
    shutil.rmtree(folder)
    with pytest.raises(CheckpointNotFoundError):
        samara.load(folder, device="cpu")


def test_segment_takes_a_name_or_a_predictor(
    tiny_folder: Path, predictor: Predictor, disks: Disks
) -> None:
    labels = samara.segment(disks.image, PROMPTS, checkpoint=tiny_folder, device="cpu")
    assert labels.dtype == np.int32
    assert labels.shape == disks.image.shape
    assert set(np.unique(labels)) <= {0, 2, 4}
    again = samara.segment(disks.image, PROMPTS, checkpoint=predictor)
    assert np.array_equal(labels, again)


def test_segment_of_files(tmp_path: Path, predictor: Predictor, disks: Disks) -> None:
    tifffile.imwrite(tmp_path / "i.tif", disks.image)
    write_prompts(tmp_path / "p.json", PROMPTS)
    labels = samara.segment(tmp_path / "i.tif", str(tmp_path / "p.json"), predictor)
    assert np.array_equal(labels, samara.segment(disks.image, PROMPTS, predictor))


def test_settings_reach_the_engine(predictor: Predictor, disks: Disks) -> None:
    overlapping = [[box(20, 20, 80, 80)], [box(30, 30, 90, 90)]]
    strict = PredictSettings(mask_threshold=32.0)
    assert not samara.segment(disks.image, overlapping, predictor, predict_settings=strict).any()
    all_of_it = PredictSettings(mask_threshold=-32.0)
    for overlap, label in (("first", 1), ("last", 2)):
        settings = SegmentSettings(overlap=overlap)
        labels = samara.segment(
            disks.image, overlapping, predictor, settings, predict_settings=all_of_it
        )
        assert (labels == label).all()


def test_nothing_depends_on_what_was_segmented_before(predictor: Predictor, disks: Disks) -> None:
    first = samara.segment(disks.image, PROMPTS, predictor)
    samara.segment(255 - disks.image[:64], [point(3, 3)], predictor)
    assert np.array_equal(samara.segment(disks.image, PROMPTS, predictor), first)


def test_bad_prompts_and_files(tmp_path: Path, predictor: Predictor, disks: Disks) -> None:
    (tmp_path / "p.json").write_text('{"format": "samara-prompts", "version": 2, "objects": []}')
    with pytest.raises(FileFormatError, match="version 2"):
        samara.segment(disks.image, tmp_path / "p.json", predictor)
    with pytest.raises(FileNotFoundError):
        samara.segment(disks.image, tmp_path / "q.json", predictor)
    with pytest.raises(FileNotFoundError):
        samara.segment(tmp_path / "i.tif", PROMPTS, predictor)
    with pytest.raises(PromptError, match="no prompt"):
        samara.segment(disks.image, [], predictor)
