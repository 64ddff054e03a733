"""Times of encoding: kept for the next start, estimated before the first time."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_samara.engine.encode_times import (
    EncodeTime,
    EncodeTimes,
    encoder_work,
    expected_seconds,
    guessed_work,
    remember,
)
from napari_samara.model.config import SamConfig
from napari_samara.session import Session, Status

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor

CPU = SimpleNamespace(device="cpu", precision="float32")
CUDA = SimpleNamespace(device="cuda", precision="bfloat16")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "encode-times.json"


def model(digest: str = "ab", device: Any = CPU) -> Any:
    return SimpleNamespace(checkpoint=SimpleNamespace(sha256=digest, path="/x"), device=device)


def test_what_was_measured_is_known_at_the_next_start(cache: Path) -> None:
    remember(model(), 2.5)
    remember(model(device=CUDA), 0.1)
    assert EncodeTimes(CPU).of("ab", None, 1e9) == EncodeTime(2.5, measured=True)
    assert EncodeTimes(CPU).of(None, "/x", 1e9) == EncodeTime(2.5, measured=True)
    assert EncodeTimes(CUDA).of("ab", None, 1e9) == EncodeTime(0.1, measured=True)
    assert EncodeTimes(CPU).of("cd", "/y", 1e9) is None
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]  # nothing half written


def test_the_last_time_counts() -> None:
    for seconds in (2.0, 3.0):
        remember(model(), seconds)
    assert expected_seconds(model()) == 3.0


def test_estimate_of_a_device_that_was_calibrated() -> None:
    EncodeTimes(CPU, rate=1e9)
    assert EncodeTimes(CPU).of("ab", None, 4e9) == EncodeTime(4.0, measured=False)
    assert EncodeTimes(CUDA).of("ab", None, 4e9) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2}',
        '{"version": 1}',
        '{"version": 1, "rates": [], "encodes": 3}',
    ],
)
def test_a_damaged_file_is_nothing_known(cache: Path, text: str) -> None:
    cache.parent.mkdir()
    cache.write_text(text)
    assert EncodeTimes(CPU).of("ab", None, 1.0) is None
    remember(model(), 2.0)
    assert json.loads(cache.read_text())["version"] == 1


def test_a_folder_that_cannot_be_written_costs_nothing(cache: Path) -> None:
    cache.parent.write_text("a file in the place of the folder")
    remember(model(), 2.0)
    assert EncodeTimes(CPU).of("ab", None, 1.0) is None


def test_weights_without_a_name_are_not_remembered(cache: Path) -> None:
    remember(SimpleNamespace(checkpoint=None, device=CPU), 2.0)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("config", "size_mb", "family"),
    [
        (SamConfig.vit_b(), 375, "vit_b"),
        (SamConfig.vit_h(), 2565, "vit_h"),
        (SamConfig.mobile_sam(), 40.7, "tiny_vit"),
        (SamConfig.lite_medsam(), 39, "tiny_vit"),
        (SamConfig.mobile_sam(), 40.7, ""),
        (SamConfig.vit_b(), 375, ""),
    ],
)
def test_the_size_of_a_file_tells_about_what_the_sizes_of_the_model_tell(
    config: SamConfig, size_mb: float, family: str
) -> None:
    assert guessed_work(size_mb, family) == pytest.approx(encoder_work(config), rel=0.15)


def test_the_first_encode_of_a_session_says_how_long(predictor: Predictor) -> None:
    seen: list[Status] = []
    session = Session(np.zeros((40, 50), np.uint8), predictor)
    session.events.status.connect(seen.append)
    session.encode()
    (first,) = [status for status in seen if status.state == "encoding"]
    assert first.eta_s is not None
    assert first.eta_s > 0
    again = EncodeTimes(predictor.device).of(predictor.checkpoint.sha256, None, 0.0)
    assert again is not None
    assert again.measured
