"""Tests of what a run tells while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from napari_samara.training import run_log
from napari_samara.training.curve import read_log
from napari_samara.training.run_log import RunLog

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.training.validation import Judge

MODEL: Any = None


class Given:
    """A judge whose figures are known beforehand."""

    exhausted = False

    def __init__(self, *scores: float | None) -> None:
        self.scores, self.best, self.since = list(scores), 0.0, 0

    def look(self, _: Any) -> dict[str, float]:
        score = self.scores.pop(0)
        if score is None:
            return {}
        self.since = 0 if score > self.best else self.since + 1
        self.best = max(self.best, score)
        return {"val_box": score}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the test sets."""
    now = [0.0]
    monkeypatch.setattr(run_log.time, "monotonic", lambda: now[0])
    return now


def test_means_of_half_a_minute(tmp_path: Path, clock: list[float]) -> None:
    told: list[dict[str, float]] = []
    log = RunLog(tmp_path / "new" / "log.jsonl", told.append)
    for step, figures in enumerate([{"loss": 1.0}, {"loss": 4.0, "box": 0.5}, {"loss": 7.0}], 1):
        clock[0] += 11
        assert not log.add(step, figures, MODEL)
    assert told == [{"step": 3, "seconds": 33.0, "loss": 4.0, "box": 0.5}]
    clock[0] += 31
    log.add(4, {"loss": 2.0}, MODEL)
    assert told[1] == {"step": 4, "seconds": 64.0, "loss": 2.0}
    assert read_log(tmp_path / "new" / "log.jsonl") == told


def test_the_judge_is_asked_for_each_line(tmp_path: Path, clock: list[float]) -> None:
    judge: Judge = Given(0.5, None, 0.4, 0.6)  # type: ignore[assignment]
    log = RunLog(tmp_path / "log.jsonl", judge=judge)
    best = []
    for step in range(1, 5):
        clock[0] += 31
        best.append(log.add(step, {"loss": 1.0}, MODEL))
    assert best == [True, False, False, True]
    found = [row.get("val_box") for row in read_log(tmp_path / "log.jsonl")]
    assert found == [0.5, None, 0.4, 0.6]
    assert not log.exhausted
    judge.exhausted = True  # type: ignore[misc]
    assert log.exhausted
    assert not RunLog(tmp_path / "log.jsonl").exhausted
