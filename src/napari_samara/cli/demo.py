"""`napari-samara demo`: a picture that comes with scikit-image, from prompts that come with us."""

from __future__ import annotations

import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from napari_samara.cli.options import add_common, predictor_of
from napari_samara.cli.report import Progress, emit, say
from napari_samara.cli.segment import segmentation_report, segmentation_table
from napari_samara.errors import OutputError
from napari_samara.images import read_image
from napari_samara.intensity import to_rgb
from napari_samara.labels import write_labels
from napari_samara.output import whole_file
from napari_samara.prompts import PromptSet, read_prompts, write_prompts

if TYPE_CHECKING:
    import argparse

    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.cli.options import Subparsers

IMAGE = "coins.png"
"""Picture inside the wheel of scikit-image: nothing is downloaded."""


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "demo",
        help="segment a sample image and write a picture of it",
        description="Segment the coins of scikit-image from boxes, points, scribbles and polygons "
        "that come with the package; nothing is downloaded.",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=Path,
        default=Path("samara-demo"),
        help="where the files go (default: samara-demo)",
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segment the sample and write labels, overlay, image and prompts.

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
        If the checkpoint cannot be used or the files cannot be written.
    """
    start = time.perf_counter()
    folder: Path = args.out
    _make(folder)
    image, prompts = sample()
    predictor = predictor_of(args)
    say(f"device: {predictor.device}")

    from napari_samara.engine.segmentation import segment_objects

    found = segment_objects(predictor, image, prompts, progress=Progress("objects"))
    write_labels(folder / "labels.tif", found.labels)
    _write_pictures(folder, image, found.labels, prompts)
    write_prompts(folder / "prompts.json", prompts)
    files = [str(folder / name) for name in ("overlay.png", "labels.tif", IMAGE, "prompts.json")]
    report = segmentation_report(predictor, found, time.perf_counter() - start)
    text = (
        f"{segmentation_table(found)}\n\n"
        f"{files[0]}  the picture to look at\n{files[1]}  the labels\n"
        f"the same once more, with your own files in place of these:\n"
        f"  napari-samara segment {files[2]} --prompts {files[3]} --out labels.tif"
    )
    emit(args.json, {"files": files, **report}, text)
    return 0


def sample() -> tuple[NDArray[np.uint8], PromptSet]:
    """Image and prompts of the demo.

    Returns
    -------
    image : ndarray of uint8, shape (303, 384)
        Greek coins, photographed.
    prompts : PromptSet
        24 objects.

    Raises
    ------
    FileNotFoundError
        If this scikit-image does not carry the image.
    """
    with resources.as_file(resources.files("skimage") / "data" / IMAGE) as path:
        image = read_image(path)
    with resources.as_file(resources.files("napari_samara.cli") / "demo.json") as path:
        return image, read_prompts(path)


def _write_pictures(
    folder: Path, image: NDArray[np.uint8], labels: NDArray[np.int32], prompts: PromptSet
) -> None:
    from PIL import Image

    from napari_samara.cli.overlay import draw_overlay

    picture = draw_overlay(to_rgb(image), labels, prompts)
    for name, found in (("overlay.png", picture), (IMAGE, Image.fromarray(image))):
        with whole_file(folder / name) as part:
            found.save(part, format="png")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error
