"""The curve of a training run: ``python -m napari_samara.training.curve FOLDER``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from napari_samara.errors import FileFormatError, MissingExtraError, SamaraError
from napari_samara.output import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG, CURVE = "log.jsonl", "curve.png"

JUDGED = "val_"
"""What the names of figures of validation images begin with."""

# Colours by prompt; figures of training are thin lines, those of validation have points.
_COLOURS = {"box": "tab:blue", "point": "tab:orange"}


def read_log(path: Path) -> list[dict[str, float]]:
    """Read what a run logged.

    Parameters
    ----------
    path : Path
        ``log.jsonl`` of its folder.

    Returns
    -------
    list of dict
        Rows with rising ``step``: steps that were lost in a kill and done again count once.  A
        line that a kill cut off is left out.

    Raises
    ------
    FileFormatError
        The file is missing or no such log.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from error
    rows: list[dict[str, float]] = []
    for number, line in enumerate(lines, start=1):
        whole = line[line.rfind("{") :]  # behind a line that was cut off when it was written
        if not whole.endswith("}") and (not line or number == len(lines)):
            continue
        try:
            row = json.loads(whole)
            step = row["step"]
        except (ValueError, KeyError, TypeError) as error:
            raise FileFormatError(f"{path}, line {number} is no line of a log: {line!r}") from error
        while rows and rows[-1]["step"] >= step:
            rows.pop()
        rows.append(row)
    return rows


def draw_log(log: Path, path: Path) -> None:
    """Draw the loss and the IoU of training and validation over the steps.

    Parameters
    ----------
    log : Path
        ``log.jsonl`` of a run.
    path : Path
        ``.png``; appears whole or not at all.

    Raises
    ------
    FileFormatError
        There is no log, or nothing in it.
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "curves are drawn by matplotlib, which is not installed; install it with "
            "pip install 'napari-samara[plot]'"
        ) from error
    rows = read_log(log)
    if not rows:
        raise FileFormatError(f"{log} is empty: nothing has been logged yet")
    figure = Figure(figsize=(8, 4), layout="constrained")
    losses = figure.subplots()
    losses.plot(*_series(rows, "loss"), color="grey", linewidth=1, label="loss")
    losses.set(xlabel="steps", ylabel="training loss")
    ious = losses.twinx()
    for name, colour in _COLOURS.items():
        ious.plot(*_series(rows, name), color=colour, linewidth=0.8, label=f"{name}, training")
        judged = _series(rows, f"{JUDGED}{name}")
        if judged[0]:
            ious.plot(*judged, color=colour, marker=".", label=f"{name}, validation")
    ious.set(ylabel="mean IoU", ylim=(0, 1))
    figure.legend(loc="outside upper center", ncols=5, fontsize="small")
    with whole_file(path) as part:
        figure.savefig(part, dpi=120, format="png")


def _series(rows: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Return steps and values of the rows that have one."""
    found = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    return [step for step, _ in found], [value for _, value in found]


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the curve of a run into its folder.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m napari_samara.training.curve", description=__doc__
    )
    parser.add_argument("folder", type=Path, help="of a run, with its log.jsonl")
    folder = parser.parse_args(arguments).folder
    try:
        draw_log(folder / LOG, folder / CURVE)
    except SamaraError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(folder / CURVE)


if __name__ == "__main__":
    main()
