"""`napari-samara measure`: labels, put in order first if asked to, to a table of their objects."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara import session_api
from napari_samara.cleanup_settings import CleanupSettings
from napari_samara.cli.options import add_common, add_settings, settings_from
from napari_samara.cli.report import emit
from napari_samara.images import read_image
from napari_samara.labels import require_suffix, write_labels
from napari_samara.output import require_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.cli.options import Subparsers


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "measure",
        help="measure the objects of a label image",
        description="Write a table with a row for each object of a label image or a saved "
        "session: size, place, shape, and intensities if an image is given. The labels can be put "
        "in order first.",
    )
    parser.add_argument(
        "labels", metavar="L", type=Path, help="label image, session file or folder of a session"
    )
    parser.add_argument("--out", metavar="T.csv", type=Path, required=True, help="the table")
    parser.add_argument(
        "--image", metavar="I", type=Path, help="image of the same shape, for intensities"
    )
    parser.add_argument(
        "--spacing", metavar="Z,Y,X", type=_numbers, help="size of a pixel along each axis"
    )
    parser.add_argument(
        "--labels-out", metavar="L2.tif", type=Path, help="where to write the labels put in order"
    )
    add_settings(parser, CleanupSettings)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Clean up, measure and write the table.

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
        What reading, `clean_up`, `measure` and writing raise.
    """
    from napari_samara.cleanup import clean_up
    from napari_samara.measures import measure, write_table

    start = time.perf_counter()
    require_folder(args.out)
    if args.labels_out is not None:
        require_suffix(args.labels_out)
        require_folder(args.labels_out)
    labels = _labels_of(args.labels)
    before = np.count_nonzero(np.unique(labels))
    labels = clean_up(labels, settings_from(args, CleanupSettings))
    image = None if args.image is None else read_image(args.image)
    columns = measure(labels, image, args.spacing)
    if args.labels_out is not None:
        write_labels(args.labels_out, labels)
    write_table(args.out, columns)
    report = {
        "labels": str(args.labels),
        "out": str(args.out),
        "objects_before": int(before),
        "objects": len(columns["label"]),
        "columns": list(columns),
        "seconds": time.perf_counter() - start,
    }
    text = f"{report['objects']} objects, {len(columns)} columns\n\n{args.out}"
    emit(args.json, report, text)
    return 0


def _labels_of(path: Path) -> NDArray[Any]:
    """Labels of an image file, or of a session replayed."""
    if path.is_dir() or path.suffix == ".json":
        return np.asarray(session_api.replay(path))
    return np.array(read_image(path))


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers like 2,0.5,0.5") from None
