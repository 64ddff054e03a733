"""Tests of the error hierarchy."""

from __future__ import annotations

import pickle

import pytest

from napari_samara import errors

HIERARCHY = [
    (errors.ImageError, ValueError),
    (errors.PromptError, ValueError),
    (errors.FrameError, ValueError),
    (errors.ConfigError, ValueError),
    (errors.SettingsError, ValueError),
    (errors.CheckpointError, ValueError),
    (errors.CheckpointNotFoundError, FileNotFoundError),
    (errors.CheckpointNotFoundError, errors.CheckpointError),
    (errors.UnsafeCheckpointError, errors.CheckpointError),
    (errors.KeyMismatchError, errors.CheckpointError),
    (errors.DownloadError, OSError),
    (errors.OfflineError, ConnectionError),
    (errors.OfflineError, errors.DownloadError),
    (errors.ChecksumError, errors.DownloadError),
    (errors.DeviceError, RuntimeError),
    (errors.OutOfMemoryError, MemoryError),
    (errors.OutOfMemoryError, errors.DeviceError),
    (errors.FileFormatError, ValueError),
    (errors.OutputError, OSError),
    (errors.MissingExtraError, ImportError),
    (errors.StoreError, OSError),
    (errors.SessionError, RuntimeError),
    (errors.CancelledError, RuntimeError),
]


@pytest.mark.parametrize(("child", "parent"), HIERARCHY)
def test_child_is_caught_as_parent_and_keeps_its_text(
    child: type[errors.SamaraError], parent: type[Exception]
) -> None:
    error = child("no such thing: 7")
    assert isinstance(error, parent)
    assert isinstance(error, errors.SamaraError)
    assert str(error) == "no such thing: 7"


@pytest.mark.parametrize(("child", "_parent"), HIERARCHY)
def test_errors_cross_a_process_border(child: type[errors.SamaraError], _parent: type) -> None:
    again = pickle.loads(pickle.dumps(child("text")))
    assert type(again) is child
    assert str(again) == "text"


def test_key_mismatch_lists_names_and_shortens_the_message() -> None:
    error = errors.KeyMismatchError(
        "weights.pth does not fit vit_b", [f"a.{i}" for i in range(9)], misshaped=["b"]
    )
    assert len(error.missing) == 9
    assert error.unexpected == ()
    assert str(error) == (
        "weights.pth does not fit vit_b; 9 missing: a.0, a.1, a.2, a.3 and 5 more; 1 misshaped: b"
    )
    again = pickle.loads(pickle.dumps(error))
    assert again.missing == error.missing
    assert str(again) == str(error)
