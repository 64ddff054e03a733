"""`napari-samara embed`: the slices of a volume into a store, where sessions find them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.cli.options import (
    VOLUME_HELP,
    add_common,
    add_settings,
    numbers,
    predictor_of,
    settings_from,
)
from napari_samara.cli.report import Progress, emit, say
from napari_samara.errors import StoreError
from napari_samara.images import open_image
from napari_samara.session.embed_settings import EmbedSettings
from napari_samara.session.stores import embedding_store
from napari_samara.session.volume_job import volume_job

if TYPE_CHECKING:
    from napari_samara.cli.options import Subparsers
    from napari_samara.session.volume_progress import VolumeProgress


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "embed",
        help="encode an image, or the slices of a volume, into a store",
        description="Encode an image, or the slices of a volume, into a store, where sessions find "
        "them. Slices that are there are not encoded again: the same command goes on after a kill.",
    )
    parser.add_argument(
        "image", metavar="IMAGE", type=Path, help=f"image, or volume: {VOLUME_HELP}"
    )
    parser.add_argument(
        "--store", metavar="S", type=Path, required=True, help="folder; made if it is not there"
    )
    parser.add_argument(
        "--axes",
        metavar="I,J",
        type=numbers,
        default=(0,),
        help="axes to cut across: 0,1,2 is XY, XZ and YZ of (z, y, x) (default: 0)",
    )
    parser.add_argument(
        "--fixed",
        metavar="AXIS=INDEX",
        type=_place,
        action="append",
        default=[],
        help="index on an axis that is no axis of the volume, such as time; may be repeated",
    )
    parser.add_argument(
        "--file-axes", metavar="ZCYX", help="a letter for each axis of the file, if it does not say"
    )
    parser.add_argument(
        "--channels", metavar="I,J,K", type=numbers, help="channels to use, from 0 up"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a store, which must be there"
    )
    parser.add_argument(
        "--estimate", action="store_true", help="only say what it would take: time, disk, memory"
    )
    add_settings(parser, EmbedSettings)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Encode and store.

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
        What `api.embed` raises.
    """
    if args.resume and not args.store.is_dir():
        raise StoreError(f"there is no store {args.store} to go on with; leave out --resume")
    settings = settings_from(args, EmbedSettings)
    store = embedding_store(args.store, settings.store_precision)
    image, rgb = open_image(args.image, args.file_axes, args.channels)
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")
    fixed = dict(args.fixed)
    job = volume_job(image, predictor, store, args.axes, settings, fixed=fixed, rgb=rgb)
    expected = job.estimate()
    report: dict[str, Any] = {
        "image": str(args.image),
        "store": str(args.store),
        "checkpoint": predictor.checkpoint.to_dict() if predictor.checkpoint else None,
        "device": asdict(predictor.device),
        "settings": settings.to_dict(),
        "contrast": job.contrast.to_dict(),
        "estimate": expected.to_dict(),
    }
    if args.estimate:
        emit(args.json, report, str(expected))
        return 0
    say(f"at most: {expected}")
    if not expected.fits:
        say("warning: the disk may not have the room; what is encoded until then is kept")
    progress = Progress("slices")

    def told(now: VolumeProgress) -> None:
        progress.unit_name = str(now).partition(", ")[2]
        progress(now.done, now.total)

    done = job.run(told)
    report |= {"planes": done.planes, "encoded": done.encoded, "found": done.found}
    report["seconds"] = done.seconds
    text = f"{args.store}: {done.encoded} planes encoded, {done.found} were there"
    emit(args.json, report, text)
    return 0


def _place(text: str) -> tuple[int, int]:
    axis, _, index = text.partition("=")
    try:
        return int(axis), int(index)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no place like 0=3: AXIS=INDEX") from None
