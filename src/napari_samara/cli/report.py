"""What a command prints: tables or JSON on standard output, progress on standard error."""

from __future__ import annotations

import json
import math
import sys
import time
from typing import TYPE_CHECKING, Any

from napari_samara import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

# Seconds between two lines of progress, on a terminal and in a log.
_TERMINAL_S, _LOG_S = 0.1, 5.0


def emit(as_json: bool, report: dict[str, Any], text: str) -> None:
    """Print a report.

    Parameters
    ----------
    as_json : bool
        Whether a program reads it.
    report : dict
        For a program; not-a-number becomes null, and the version is added.
    text : str
        For people.
    """
    if as_json:
        report = {"napari_samara": __version__, **report}
        print(json.dumps(_plain(report), indent=2, allow_nan=False))
    else:
        print(text)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under a header, columns lined up, numbers to the right.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : sequence of sequence
        Cells; floats are shown with two digits.

    Returns
    -------
    str
        Lines without a line break at the end.
    """
    cells = [list(header), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    right = [
        bool(rows) and all(isinstance(row[column], int | float) for row in rows)
        for column in range(len(header))
    ]
    lines = (
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    )
    return "\n".join(lines)


class Progress:
    """Shows ``progress(done, total)`` on standard error.

    One line that changes on a terminal, a line now and then in a log.

    Parameters
    ----------
    what : str
        Word before the numbers.
    unit : int
        What the numbers are divided by.
    unit_name : str
        Word after them.
    """

    def __init__(self, what: str, unit: int = 1, unit_name: str = "") -> None:
        self.what = what
        self.unit = unit
        self.unit_name = unit_name
        self._shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show how far a job is; `total` is 0 while unknown."""
        terminal, now = sys.stderr.isatty(), time.monotonic()
        last = done >= total > 0
        if not last and now - self._shown < (_TERMINAL_S if terminal else _LOG_S):
            return
        self._shown = now
        of = f"/{total // self.unit}" if total else ""
        line = f"{self.what} {done // self.unit}{of} {self.unit_name}".rstrip()
        end = "\n" if last or not terminal else ""
        print(f"\r{line}" if terminal else line, end=end, file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Print one line about the course of things on standard error.

    Parameters
    ----------
    text : str
        The line.
    """
    print(text, file=sys.stderr, flush=True)


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """`value` with nothing in it that JSON lacks."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
