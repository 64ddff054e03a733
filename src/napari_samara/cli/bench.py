"""`napari-samara bench`: time encoding and decoding on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from napari_samara.cli.options import add_common, predictor_of
from napari_samara.cli.report import Progress, emit, say, table

if TYPE_CHECKING:
    from napari_samara.cli.options import Subparsers
    from napari_samara.engine.predictor import Predictor


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "bench",
        help="time encoding and decoding on this machine",
        description="Time encoding and decoding at the input size of a checkpoint (medians).",
    )
    parser.add_argument(
        "--runs", type=_positive, default=5, metavar="N", help="of each measurement (default: 5)"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print.

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
    SamaraError
        If the checkpoint cannot be loaded or run.
    """
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")

    from napari_samara.engine.device import DeviceReport
    from napari_samara.engine.timing import BATCH, time_predictor

    timing = time_predictor(predictor, args.runs, Progress("measurements"))
    report = {
        "checkpoint": predictor.checkpoint.to_dict() if predictor.checkpoint else None,
        "device": asdict(predictor.device),
        "threads": DeviceReport.of_this_machine().threads,
        "batch": BATCH,
        **asdict(timing),
    }
    side = timing.input_size
    memory = "unknown" if timing.memory_mb is None else f"{timing.memory_mb:.0f} MB"
    rows = [
        [f"encode {side} x {side} pixels", f"{timing.embed_ms:.1f} ms"],
        ["decode a point", f"{timing.point_ms:.1f} ms"],
        ["decode a box", f"{timing.box_ms:.1f} ms"],
        [f"decode {BATCH} boxes", f"{timing.batch_ms:.1f} ms"],
        ["peak memory", memory],
    ]
    emit(args.json, report, table([_title(predictor), f"median of {args.runs}"], rows))
    return 0


def _title(predictor: Predictor) -> str:
    name = predictor.checkpoint.name if predictor.checkpoint else "unnamed weights"
    return f"{name} on {predictor.device.device}, {predictor.device.precision}"


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)
