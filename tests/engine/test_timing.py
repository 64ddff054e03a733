"""Tests of the measurements, not of what they measure."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

from napari_samara.engine.timing import calibrate, time_predictor

if TYPE_CHECKING:
    from napari_samara.engine.predictor import Predictor


def test_every_measurement_is_a_time(predictor: Predictor) -> None:
    calls: list[tuple[int, int]] = []
    timing = time_predictor(
        predictor, runs=1, progress=lambda done, total: calls.append((done, total))
    )
    assert timing.input_size == 64
    assert all(value is None or value > 0 for value in astuple(timing))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_speed_of_the_device_is_a_number() -> None:
    assert calibrate("cpu") > 0
