"""`napari-samara segment`: an image and a prompt file to labels."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.cli.options import add_common, add_settings, predictor_of, settings_from
from napari_samara.cli.report import Progress, emit, say, table
from napari_samara.images import read_image
from napari_samara.labels import require_suffix, write_labels
from napari_samara.output import require_folder
from napari_samara.prompts import as_prompt_set
from napari_samara.settings import PredictSettings, SegmentSettings

if TYPE_CHECKING:
    from napari_samara.cli.options import Subparsers
    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.segmentation import ObjectResult, Segmentation


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "segment",
        help="segment the objects that a prompt file points at",
        description="Segment the objects that a prompt file points at, in 2D images or in the "
        "slices of a stack that the prompts name.",
    )
    parser.add_argument("image", metavar="IMAGE", type=Path, help="TIFF, PNG, JPEG or NPY file")
    parser.add_argument(
        "--prompts",
        metavar="P",
        type=Path,
        required=True,
        help="JSON of napari-samara, or CSV of napari's points or shapes",
    )
    parser.add_argument(
        "--out", metavar="L.tif", type=Path, required=True, help="label image, .tif or .npy"
    )
    parser.add_argument(
        "--axes", metavar="ZCYX", help="a letter for each axis of the file, if it does not say"
    )
    parser.add_argument(
        "--channels", metavar="I,J,K", type=_numbers, help="channels to use, from 0 up"
    )
    add_settings(parser, SegmentSettings, PredictSettings)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segment and write the labels.

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
        What `api.segment` and `write_labels` raise.
    """
    start = time.perf_counter()
    require_suffix(args.out)  # before the work, not after it
    require_folder(args.out)
    settings = settings_from(args, SegmentSettings)
    predict_settings = settings_from(args, PredictSettings)
    prompts = as_prompt_set(args.prompts)
    image = read_image(args.image, args.axes, args.channels)
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")

    from napari_samara.engine.segmentation import segment_objects

    found = segment_objects(
        predictor, image, prompts, settings, predict_settings, Progress("objects")
    )
    write_labels(args.out, found.labels)
    report = {
        "image": str(args.image),
        "out": str(args.out),
        "settings": {**asdict(settings), **asdict(predict_settings)},
        **segmentation_report(predictor, found, time.perf_counter() - start),
    }
    emit(args.json, report, f"{segmentation_table(found)}\n\n{args.out}")
    return 0


def segmentation_report(
    predictor: Predictor, found: Segmentation, seconds: float
) -> dict[str, Any]:
    """Report of a segmentation, for programs.

    Parameters
    ----------
    predictor : Predictor
        What made it.
    found : Segmentation
        The result.
    seconds : float
        All in all.

    Returns
    -------
    dict
        Fit for JSON.
    """
    return {
        "checkpoint": predictor.checkpoint.to_dict() if predictor.checkpoint else None,
        "device": asdict(predictor.device),
        "shape": list(found.labels.shape),
        "objects": [_entry(result) for result in found.objects],
        "embed_seconds": found.embed_seconds,
        "seconds": seconds,
    }


def segmentation_table(found: Segmentation) -> str:
    """Report of a segmentation, for people.

    Parameters
    ----------
    found : Segmentation
        The result.

    Returns
    -------
    str
        One line an object and plane.
    """
    planes = found.labels.ndim > 2
    header = ["id", *(["plane"] if planes else []), "prompts", "score", "area px", "box", "ms"]
    rows = [
        [
            result.object_id,
            *([_plane(result)] if planes else []),
            _counted(result.prompts),
            result.score,
            result.area,
            "empty" if result.box is None else " ".join(map(str, result.box)),
            round(1000 * result.seconds),
        ]
        for result in found.objects
    ]
    return table(header, rows)


def _entry(result: ObjectResult) -> dict[str, Any]:
    entry = {"id": result.object_id, **asdict(result)}
    del entry["object_id"]
    entry["plane"] = result.plane.to_dict() if result.plane.fixed else None
    return entry


def _plane(result: ObjectResult) -> str:
    return " ".join(f"{axis}:{index}" for axis, index in result.plane.fixed)


def _counted(kinds: tuple[str, ...]) -> str:
    """Kinds of prompts with their numbers: ``box, 2 point``."""
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    return ", ".join(kind if n == 1 else f"{n} {kind}s" for kind, n in counts.items())


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers like 0,2") from None
