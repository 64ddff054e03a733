"""The file beside the weights."""

from __future__ import annotations

import errno
import json
import os

import pytest

from napari_samara.errors import CheckpointError, OutputError
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.preprocess_file import read_preprocess, write_preprocess


def test_round_trip(tmp_path):
    config = PreprocessConfig(48, 64, per_image=True)
    assert read_preprocess(tmp_path) is None
    path = write_preprocess(config, tmp_path)
    assert read_preprocess(tmp_path) == read_preprocess(tmp_path, 64) == config
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(CheckpointError, match="reads 32"):
        read_preprocess(tmp_path, 32)


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', json.dumps({"size": "big"})])
def test_files_that_say_nonsense(text, tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(text)
    with pytest.raises(CheckpointError):
        read_preprocess(tmp_path)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space"):
        write_preprocess(PreprocessConfig(), tmp_path)
    assert list(tmp_path.iterdir()) == []
