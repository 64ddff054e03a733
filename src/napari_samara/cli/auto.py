"""`napari-samara auto`: all objects of an image, or of each image of a folder, without prompts."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.cli.options import add_common, add_settings, predictor_of
from napari_samara.cli.report import Progress, emit, say, table
from napari_samara.cli.series import Series
from napari_samara.engine.automatic_settings import PRESETS, AutomaticSettings
from napari_samara.engine.candidate_scores import scores_digest
from napari_samara.errors import OutputError
from napari_samara.images import read_image
from napari_samara.labels import require_suffix, write_labels
from napari_samara.output import require_folder

if TYPE_CHECKING:
    from napari_samara.cli.options import Subparsers
    from napari_samara.engine.automatic_masks import AutomaticMasks
    from napari_samara.engine.predictor import Predictor

# Objects that are printed.
_SHOWN = 20


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "auto",
        help="find all objects of an image, or of a folder of images, without prompts",
        description="Find all objects of an image without prompts. Of a folder each image is taken "
        "that has no labels in OUT yet, so that the same command goes on after a stop. A preset "
        "sets all options of the group 'automatic'; the defaults shown there are those of 'cells'.",
    )
    parser.add_argument(
        "image", metavar="IMAGE", type=Path, help="TIFF, PNG, JPEG or NPY file, or a folder of them"
    )
    parser.add_argument(
        "--out",
        metavar="OUT",
        type=Path,
        required=True,
        help="label image, .tif or .npy; a folder where IMAGE is one",
    )
    parser.add_argument(
        "--preset", choices=list(PRESETS), default="cells", help="what to look for (default: cells)"
    )
    parser.add_argument(
        "--redo", action="store_true", help="make labels again that are in the folder OUT already"
    )
    parser.add_argument(
        "--axes", metavar="CYX", help="a letter for each axis of the file, if it does not say"
    )
    parser.add_argument(
        "--channels", metavar="I,J,K", type=_numbers, help="channels to use, from 0 up"
    )
    add_settings(parser, AutomaticSettings)
    parser.set_defaults(**{item.name: None for item in fields(AutomaticSettings)})
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Find the objects and write the labels.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed options.

    Returns
    -------
    int
        0; 1 where an image of a folder could not be read or searched.

    Raises
    ------
    SamaraError, OSError
        What `api.load`, `automatic_masks` and `write_labels` raise.
    """
    given = {item.name: getattr(args, item.name) for item in fields(AutomaticSettings)}
    changes = {name: value for name, value in given.items() if value is not None}
    settings = AutomaticSettings.preset(args.preset, **changes)
    if args.image.is_dir():
        return _run_folder(args, settings)
    if args.out.is_dir():
        raise OutputError(f"cannot write {args.out}: it is a folder; give the name of a file")
    require_suffix(args.out)  # before the work, not after it
    require_folder(args.out)
    image = read_image(args.image, args.axes, args.channels)
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")
    start = time.perf_counter()
    found = _search(predictor, image, settings)
    write_labels(args.out, found.labels())
    report = {
        "image": str(args.image),
        "out": str(args.out),
        **_common(predictor, args.preset, settings),
        **automatic_report(found, time.perf_counter() - start),
    }
    emit(args.json, report, f"{automatic_table(found)}\n\n{args.out}")
    return 0


def _run_folder(args: argparse.Namespace, settings: AutomaticSettings) -> int:
    series = Series(args.image, args.out)
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")
    common = _common(predictor, args.preset, settings)
    made_with = {name: common[name] for name in ("checkpoint", "settings")}
    made_with["scores"] = scores_digest()
    entries = series.run(
        lambda path: _search(predictor, read_image(path, args.axes, args.channels), settings),
        made_with,
        args.redo,
    )
    failed = [entry for entry in entries if entry["error"]]
    done = sum(not entry["skipped"] and not entry["error"] for entry in entries)
    there = sum(entry["skipped"] for entry in entries)
    text = f"{done} of {len(entries)} images searched, {there} were there, {len(failed)} failed"
    report = {"folder": str(args.image), "out": str(args.out), **common, "images": entries}
    emit(args.json, report, f"{text}\n{args.out}")
    return 1 if failed else 0


def automatic_report(found: AutomaticMasks, seconds: float) -> dict[str, Any]:
    """Report of a search, for programs.

    Parameters
    ----------
    found : AutomaticMasks
        The result.
    seconds : float
        All in all.

    Returns
    -------
    dict
        Fit for JSON.
    """
    return {
        "shape": list(found.shape),
        "prompts": found.prompts,
        "objects": [
            {
                "id": number,
                "score": float(candidate.score),
                "stability": float(candidate.stability),
                "area": candidate.area,
                "box": list(candidate.box),
                "point": list(candidate.point),
            }
            for number, candidate in enumerate(found.candidates, start=1)
        ],
        "seconds": seconds,
    }


def automatic_table(found: AutomaticMasks) -> str:
    """Report of a search, for people.

    Parameters
    ----------
    found : AutomaticMasks
        The result.

    Returns
    -------
    str
        One line for each of the best objects, and how many there are.
    """
    rows = [
        [number, c.score, float(c.stability), c.area, " ".join(map(str, c.box))]
        for number, c in enumerate(found.candidates[:_SHOWN], start=1)
    ]
    count = len(found.candidates)
    said = f"{count} objects from {found.prompts} prompts"
    said += f", the best {_SHOWN}:" if count > _SHOWN else ":" if count else ""
    lines = table(["id", "score", "stability", "area px", "box"], rows) if rows else ""
    return f"{said}\n{lines}".rstrip()


def _search(predictor: Predictor, image: Any, settings: AutomaticSettings) -> AutomaticMasks:
    from napari_samara.automatic_api import find_all

    return find_all(image, predictor, settings, progress=Progress("prompts"))


def _common(predictor: Predictor, preset: str, settings: AutomaticSettings) -> dict[str, Any]:
    return {
        "checkpoint": predictor.checkpoint.to_dict() if predictor.checkpoint else None,
        "device": asdict(predictor.device),
        "preset": preset,
        "settings": settings.to_dict(),
    }


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers like 0,2") from None
