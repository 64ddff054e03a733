"""`napari-samara finetune`: a checkpoint adapted to labelled images."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_samara import api
from napari_samara.cli.options import add_common, add_settings, predictor_of
from napari_samara.cli.report import emit, say, table
from napari_samara.errors import MissingExtraError
from napari_samara.settings import FinetuneSettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from napari_samara.cli.options import Subparsers
    from napari_samara.training.finetune_progress import Progress


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "finetune",
        help="adapt a checkpoint to labelled images",
        description="Adapt a checkpoint to labelled images. A part of them is held out and tells "
        "whether it helps; Ctrl+C ends training and keeps the best so far. After that, or after a "
        "kill, --resume goes on.",
    )
    parser.add_argument("--images", metavar="I", type=Path, nargs="+", help="image files")
    parser.add_argument("--labels", metavar="L", type=Path, nargs="+", help="a file for each image")
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        type=Path,
        help="in place of both: with the folders images and labels, or NAME.tif beside "
        "NAME_labels.tif",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, required=True, help="of the new checkpoint"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the interrupted run in --out: give the same images, labels and "
        "checkpoint; settings are those of the run, and only --minutes, --steps and --patience "
        "may be others",
    )
    add_settings(parser, FinetuneSettings)
    parser.set_defaults(**dict.fromkeys(item.name for item in fields(FinetuneSettings)))
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fine-tune and print what it gave.

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
        What `api.finetune` raises.
    """
    start = time.perf_counter()
    settings = _settings(args)
    images, labels = _files(args)
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")
    with _interruptible() as interrupted:
        found = api.finetune(
            images, labels, predictor, args.out, settings, _show, interrupted, resume=args.resume
        )
    _draw(found.history, args.out)
    before, after = found.history[0], found.best
    report = {
        "out": str(args.out),
        "checkpoint": predictor.checkpoint.to_dict() if predictor.checkpoint else None,
        "settings": settings.to_dict(),
        "before": asdict(before),
        "after": asdict(after),
        "history": [asdict(at) for at in found.history],
        "stopped": found.stopped,
        "seconds": time.perf_counter() - start,
    }
    rows = [["before", before.box, before.point], ["after", after.box, after.point]]
    text = table(["held-out objects, mean IoU", "box", "point"], rows)
    emit(args.json, report, f"{text}\n\n{args.out}")
    return 0


def _settings(args: argparse.Namespace) -> FinetuneSettings:
    """Return what was given; all else is the default, or as in the interrupted run."""
    from napari_samara.training.finetune_state import saved_settings

    names = (item.name for item in fields(FinetuneSettings))
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    return replace(saved_settings(args.out) if args.resume else FinetuneSettings(), **given)


def _files(args: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Image and label files that were given or lie in the folder."""
    from napari_samara.errors import FileFormatError
    from napari_samara.training.folders import pairs_of

    if args.data is not None and not args.images and not args.labels:
        pairs = list(pairs_of(args.data))
        if not pairs:
            raise FileFormatError(f"{args.data} has no pairs of images and labels")
        return [image for image, _ in pairs], [labels for _, labels in pairs]
    if args.data is None and args.images and args.labels:
        return args.images, args.labels
    raise FileFormatError("give --data FOLDER, or --images and --labels with a file for each image")


def _show(at: Progress) -> None:
    """Tell of a look at the held-out objects."""
    left = at.seconds / at.done - at.seconds if at.done else 0.0
    say(
        f"step {at.step}: loss {at.loss:.3f}, held-out IoU box {at.box:.3f}, point {at.point:.3f}"
        + (f", about {left:.0f} s left" if at.done < 1 and at.step else "")
    )


def _draw(history: list[Progress], folder: Path) -> None:
    from napari_samara.training.finetune_files import CURVE, draw_curve

    try:
        draw_curve(history, folder / CURVE)
    except MissingExtraError as error:
        say(str(error))


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl+C into a question that training asks; a second one interrupts at once."""
    asked: list[int] = []

    def note(number: int, _: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, before)
        say("ending after this step; once more to interrupt at once")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
