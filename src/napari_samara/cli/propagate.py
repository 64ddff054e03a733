"""`napari-samara propagate`: objects of a volume from prompts on a few of its slices."""

from __future__ import annotations

import argparse
import time
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
from napari_samara.cli.report import Progress, emit, say, table
from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.images import open_image
from napari_samara.intensity import POLICIES, Contrast
from napari_samara.prompts import as_prompt_set
from napari_samara.settings import PredictSettings
from napari_samara.volume_labels import grid_with, require_volume_labels, volume_labels

if TYPE_CHECKING:
    from napari_samara.cli.options import Subparsers
    from napari_samara.engine.volume_result import VolumeSegmentation

# Doubtful slices that are printed.
_SHOWN = 10


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "propagate",
        help="follow objects through a volume from prompts on a few slices",
        description="Follow objects through a volume from prompts on one of their slices or "
        "several, and say which slices are worth a look.",
    )
    parser.add_argument("volume", metavar="VOLUME", type=Path, help=VOLUME_HELP)
    parser.add_argument(
        "--prompts",
        metavar="P",
        type=Path,
        required=True,
        help="JSON of napari-samara, or CSV of napari's points or shapes",
    )
    parser.add_argument(
        "--out",
        metavar="L",
        type=Path,
        required=True,
        help="labels: .tif, .npy, .nii, .nii.gz; or .ome.zarr, never whole in memory; NIfTI and "
        "OME-Zarr lie where the volume does",
    )
    parser.add_argument(
        "--axis", metavar="N", type=int, default=0, help="axis to go along (default: 0)"
    )
    parser.add_argument(
        "--z-range", metavar="A:B", type=_range, help="slices from A up to B, B not included"
    )
    parser.add_argument(
        "--spacing", metavar="Z,Y,X", type=_lengths, help="distance of voxels along each axis"
    )
    parser.add_argument(
        "--contrast",
        default="auto",
        choices=[policy for policy in POLICIES if policy != "limits"],
        help="how intensities become what the model sees, for all slices alike (default: auto)",
    )
    parser.add_argument("--store", metavar="S", type=Path, help="embeddings made by `embed`")
    parser.add_argument(
        "--file-axes", metavar="ZCYX", help="a letter for each axis of the file, if it does not say"
    )
    parser.add_argument(
        "--channels", metavar="I,J,K", type=numbers, help="channels to use, from 0 up"
    )
    add_settings(parser, PropagateSettings, PredictSettings)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Follow the objects and write the labels.

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
        What `segment_volume` and the writers raise.
    """
    start = time.perf_counter()
    settings = settings_from(args, PropagateSettings)
    predict_settings = settings_from(args, PredictSettings)
    prompts = as_prompt_set(args.prompts)
    volume, channels = open_image(args.volume, args.file_axes, args.channels)

    from napari_samara.session.opening import spatial_shape
    from napari_samara.session.volume_job import has_channels
    from napari_samara.volume_api import segment_volume

    channels = has_channels(volume) if channels is None else channels
    shape = spatial_shape(volume, channels)
    grid = grid_with(args.volume if len(shape) == 3 else None, args.spacing, len(shape))
    require_volume_labels(args.out, args.volume, grid)  # before the work, not after it
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")
    spacing = args.spacing or grid.spacing
    with volume_labels(args.out, shape, args.volume, grid) as labels:
        found = segment_volume(
            volume,
            prompts,
            predictor,
            args.axis,
            spacing,
            args.z_range,
            out=labels,
            rgb=channels,
            settings=settings,
            predict_settings=predict_settings,
            contrast=Contrast(args.contrast),
            store=args.store,
            progress=Progress("slices"),
        )
    report = {
        "volume": str(args.volume),
        "out": str(args.out),
        "checkpoint": predictor.checkpoint.to_dict() if predictor.checkpoint else None,
        "device": asdict(predictor.device),
        "settings": {**settings.to_dict(), **predict_settings.to_dict()},
        "spacing": None if spacing is None else list(spacing),
        **volume_report(found),
        "seconds": time.perf_counter() - start,
    }
    emit(args.json, report, f"{volume_text(found)}\n\n{args.out}")
    return 0


def volume_report(found: VolumeSegmentation) -> dict[str, Any]:
    """Report of a segmented volume, for programs.

    Parameters
    ----------
    found : VolumeSegmentation
        The result.

    Returns
    -------
    dict
        Objects with their slices, and the flags as they are sorted.
    """
    return {
        "shape": list(found.labels.shape),
        "axis": found.axis,
        "objects": [
            {
                "id": number,
                "voxels": sum(mask.area for mask in masks.values()),
                "slices": [
                    {
                        "index": index,
                        "area": mask.area,
                        "box": list(mask.box),
                        "score": mask.score,
                        "doubt": mask.doubt,
                        "reason": mask.reason,
                        "origin": mask.origin,
                    }
                    for index, mask in sorted(masks.items())
                ],
            }
            for number, masks in found.objects.items()
        ],
        "flags": [asdict(flag) for flag in found.flags],
    }


def volume_text(found: VolumeSegmentation) -> str:
    """Report of a segmented volume, for people.

    Parameters
    ----------
    found : VolumeSegmentation
        The result.

    Returns
    -------
    str
        A line an object, and the slices of most doubt.
    """
    rows = [
        [
            number,
            f"{min(masks)}-{max(masks)}" if masks else "none",
            sum(mask.area for mask in masks.values()),
            sum(mask.score for mask in masks.values()) / max(len(masks), 1),
            max((mask.doubt for mask in masks.values()), default=0.0),
        ]
        for number, masks in found.objects.items()
    ]
    text = table(["id", "slices", "voxels", "score", "most doubt"], rows)
    doubtful = [
        [flag.object_id, flag.index, flag.doubt, flag.reason]
        for flag in found.flags[:_SHOWN]
        if flag.reason
    ]
    if doubtful:
        text += "\n\nworth a look\n" + table(["id", "slice", "doubt", "reason"], doubtful)
    return text


def _range(text: str) -> tuple[int, int]:
    try:
        first, end = (int(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no range like 10:40") from None
    return first, end


def _lengths(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers like 3,0.5,0.5") from None
