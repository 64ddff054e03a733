"""`napari-samara evaluate`: how well a checkpoint finds the objects of labelled images."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara import api
from napari_samara.cli.options import add_common, add_settings, predictor_of, settings_from
from napari_samara.cli.report import Progress, emit, say, table
from napari_samara.output import require_folder
from napari_samara.settings import EvaluateSettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from napari_samara.cli.options import Subparsers

_COLUMNS = (
    "box",
    "box_zoom",
    "ellipse",
    "point",
    "point_zoom",
    "otsu",
    "clicks_3",
    "noc80",
    "noc90",
    "box_clicks_3",
    "box_noc80",
)


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "evaluate",
        help="judge a checkpoint on labelled images",
        description="Judge a checkpoint on images with known objects: mean IoU of one point, of a "
        "box and after corrective clicks, and clicks needed for IoU 0.8 and 0.9.",
    )
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="with the folders images and labels, or NAME.tif beside NAME_labels.tif, or a "
        "MANIFEST.tsv",
    )
    parser.add_argument("--part", default="val", help="part of a manifest (default: val)")
    parser.add_argument(
        "--dataset", metavar="NAME", action="append", help="data set of a manifest; may be repeated"
    )
    parser.add_argument(
        "--images", metavar="N", type=int, help="only the first N files of each data set"
    )
    parser.add_argument("--plot", metavar="P.png", type=Path, help="draw the figures")
    parser.add_argument(
        "--cases",
        metavar="FOLDER",
        type=Path,
        help="draw the objects that were found worst, and usual ones, a picture for each data set",
    )
    add_settings(parser, EvaluateSettings)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate and print.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed options.

    Returns
    -------
    int
        0.

    Raises
    ------
    SamaraError, OSError
        What `api.evaluate` raises.
    """
    start = time.perf_counter()
    if args.plot is not None:
        require_folder(args.plot)
    if args.cases is not None:
        args.cases.mkdir(parents=True, exist_ok=True)
        require_folder(args.cases / "cases.png")
    settings = settings_from(args, EvaluateSettings)
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")
    unread = _left_out(args)
    rows, scores = api.evaluate(
        args.data,
        predictor,
        settings,
        part=args.part,
        datasets=args.dataset,
        images=args.images,
        cases=args.cases,
        progress=Progress("images"),
    )
    if args.plot is not None:
        from napari_samara.training.evaluation_report import plot

        plot(rows, args.plot)
    report = {
        "checkpoint": predictor.checkpoint.to_dict() if predictor.checkpoint else None,
        "device": asdict(predictor.device),
        "data": str(args.data),
        "part": args.part,
        "left_out": unread,
        "settings": settings.to_dict(),
        "summary": rows,
        "objects": [asdict(score) for score in scores],
        "seconds": time.perf_counter() - start,
    }
    emit(args.json, report, evaluation_table(rows))
    return 0


def _left_out(args: argparse.Namespace) -> dict[str, str]:
    """Tell of data sets of a manifest that cannot be read."""
    from napari_samara.training.manifest import MANIFEST, left_out

    if args.dataset or not (args.data / MANIFEST).is_file():
        return {}
    found = left_out(args.data, args.part)
    for name, reason in found.items():
        say(f"left out: {name} {reason}")
    return found


def evaluation_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows of an evaluation, for people.

    Parameters
    ----------
    rows : sequence of dict
        As `summarise` makes them.

    Returns
    -------
    str
        One line each; a data set whose labels are those of another method is marked.
    """
    ways = {row["dataset"]: row["intensity"] for row in rows if row.get("intensity")}
    columns = [name for name in _COLUMNS if any(name in row for row in rows)]
    header = ["data set", "size", "images", "objects", *columns]
    cells = [
        [_marked(row), row["size"], row["images"], row["objects"]]
        + [row.get(name, "") for name in columns]
        for row in rows
    ]
    lines = [table(header, cells)]
    lines += [f"{name}: {way}" for name, way in ways.items() if way != "8 bit"]
    return "\n".join(lines)


def _marked(row: dict[str, Any]) -> str:
    return f"{row['dataset']} (agreement)" if row.get("agreement") else str(row["dataset"])
