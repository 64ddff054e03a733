"""What a run tells while it goes on: means of its steps, and what validation images say."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from napari_samara.model.sam import SamModel
    from napari_samara.training.validation import Judge

SECONDS = 30.0
"""Time over which what steps report is averaged."""


class RunLog:
    """Collects what steps report and writes a line of it now and then.

    Parameters
    ----------
    path : Path
        Lines of JSON are appended to it.
    report : callable, optional
        Receives each line.
    judge : Judge, optional
        Asked for each line whether it is time to look at validation images.

    Attributes
    ----------
    judge : Judge or None
        The same.
    """

    def __init__(
        self,
        path: Path,
        report: Callable[[dict[str, float]], None] | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.judge = judge
        self._path, self._report = path, report
        self._start = self._last = time.monotonic()
        self._sums: dict[str, list[float]] = {}

    @property
    def exhausted(self) -> bool:
        """Whether the judge has lost patience."""
        return self.judge is not None and self.judge.exhausted

    def add(self, step: int, figures: Mapping[str, float], model: SamModel) -> bool:
        """Take what a step reports, and write a line if it is time to.

        Parameters
        ----------
        step : int
            Steps done.
        figures : mapping
            Of the last of them.
        model : SamModel
            To be judged.

        Returns
        -------
        bool
            Whether it was judged and is the best so far.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        for name, value in figures.items():
            self._sums.setdefault(name, []).append(value)
        now = time.monotonic()
        if now - self._last <= SECONDS:
            return False
        row = {"step": step, "seconds": round(now - self._start, 1)}
        row |= {name: float(np.mean(values)) for name, values in self._sums.items()}
        judged = self.judge.look(model) if self.judge is not None else {}
        row |= judged
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({name: round(v, 4) for name, v in row.items()}) + "\n")
        if self._report is not None:
            self._report(row)
        self._sums, self._last = {}, time.monotonic()
        return bool(judged) and self.judge is not None and self.judge.since == 0
