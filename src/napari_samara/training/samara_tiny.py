"""The recipe of the shipped samara-tiny: ``python -m napari_samara.training.samara_tiny``.

The run is continued where its folder holds one. Its averaged weights become a checkpoint by
``--export FOLDER --card MODEL_CARD.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.multiprocessing.spawn import spawn

from napari_samara.checkpoints.save import save_pretrained
from napari_samara.errors import (
    CheckpointError,
    FileFormatError,
    MissingExtraError,
    SamaraError,
)
from napari_samara.images import read_image
from napari_samara.model.config import SamConfig
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.sam import SamModel
from napari_samara.training.curve import CURVE, JUDGED, LOG, draw_log
from napari_samara.training.data import as_uint8, read_labels, volume_slices
from napari_samara.training.initialise import initialise
from napari_samara.training.loop import Trainer
from napari_samara.training.manifest import read_manifest
from napari_samara.training.recipe import Recipe
from napari_samara.training.run_lock import sole_run
from napari_samara.training.state import BEST, FILENAME, read_state
from napari_samara.training.validation import Judge, validation_images
from napari_samara.training.views import Source
from napari_samara.training.workers import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

LAST_TRAINING_SLICE = 200
"""fibsem_medulla: slices from here on are for validation."""

BRIGHT = 100
"""Mean of 8-bit images from which on they are of tissue in transmitted light, mostly stained."""


def sources(root: Path) -> list[Source]:
    """Return the data whose licences allow shipping the weights: train parts only.

    Parameters
    ----------
    root : Path
        The folder of evaluation images.

    Raises
    ------
    FileFormatError
        It lacks its manifest or a file, or one cannot be read.
    """
    nuclei = list(read_manifest(root, "train", ("dsb2018",)))
    stained = [one for one in nuclei if one.image.mean() > BRIGHT]  # a sixth, of many looks
    glowing = [one for one in nuclei if one.image.mean() <= BRIGHT]
    cells = list(read_manifest(root, "train", ("usiigaci",)))
    axons = list(read_manifest(root, "train", ("axon_sem",)))
    try:
        # the axons with their myelin as one object
        fibres = [
            replace(a, labels=read_labels(root / a.name.replace("/images/", "/labels_fibre/")))
            for a in axons
        ]
    except FileNotFoundError as error:
        raise FileFormatError(f"{error}; is the data folder {root} complete?") from error
    raw, ids = medulla(root)
    neurons = list(volume_slices(raw, ids, "fibsem_medulla", step=4))
    return [
        Source(glowing, 0.27),
        Source(stained, 0.21),
        Source(cells, 0.22),
        Source(axons, 0.11),
        Source(fibres, 0.05),
        Source(neurons, 0.14),
    ]


def medulla(root: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the slices to learn from of the FIB-SEM volume, and the ids of its neurons.

    Parameters
    ----------
    root : Path
        The folder of evaluation images.

    Raises
    ------
    FileFormatError
        It lacks a file, or one cannot be read.
    """
    folder = root / "fibsem_medulla"
    try:
        raw, ids = read_image(folder / "raw.ome.tif"), read_labels(folder / "neuron_labels.ome.tif")
    except FileNotFoundError as error:
        raise FileFormatError(f"{error}; is the data folder {root} complete?") from error
    return as_uint8(raw)[:LAST_TRAINING_SLICE], ids[:LAST_TRAINING_SLICE]


def export(
    state: Path, folder: Path, card: str | None = None, config: SamConfig | None = None
) -> Path:
    """Write the averaged weights of a run as a checkpoint folder in half precision.

    Parameters
    ----------
    state : Path
        The run's ``state.pt``.
    folder : Path
        Made if missing.
    card : str, optional
        Text of the model card, ``README.md`` in the folder.
    config : SamConfig, optional
        Sizes of the model; those of samara-tiny where it is left out.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CheckpointError
        `state` is missing, damaged or of another model.
    OutputError
        The folder cannot be written.
    """
    config = config or SamConfig.samara_tiny()
    model = SamModel(config)
    try:
        model.load_state_dict(read_state(state)["average"])
    except RuntimeError as error:
        raise CheckpointError(f"the weights in {state} are of another model: {error}") from error
    size = config.image_size
    preprocess = PreprocessConfig(size, size, per_image=True)
    return save_pretrained(model.eval(), folder, preprocess, dtype=torch.float16, card=card)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, continue or export.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the command line.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.card is not None and options.export is None:
        parser.error("--card goes into the folder of --export, which is not given")
    try:
        if options.export is not None:
            card = options.card.read_text(encoding="utf-8") if options.card else None
            export(options.out / options.weights, options.export, card)
            return
        with sole_run(options.out):
            if options.workers > 1:
                next(read_manifest(options.data, "train", ("dsb2018",)))  # told here in one line
                with tempfile.TemporaryDirectory() as folder:
                    spawn(_worker, (options, f"file://{folder}/meeting"), nprocs=options.workers)
            else:
                train(options)
    except (OSError, SamaraError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m napari_samara.training.samara_tiny", description=__doc__
    )
    data = Path(os.environ.get("SAMARA_DATA") or "../shared/data")
    parser.add_argument("--data", type=Path, default=data, help="folder with a MANIFEST.tsv")
    parser.add_argument("--out", type=Path, default=Path("out/samara-tiny"), help="of the run")
    parser.add_argument("--minutes", type=float, default=60, help="time to stop after")
    parser.add_argument("--workers", type=int, default=2, help="processes that share the work")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda, which the workers share")
    parser.add_argument(
        "--processes", type=int, default=0, help="of each worker, that draw views ahead for a GPU"
    )
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--recipe", type=_recipe, default=Recipe(), help="JSON of Recipe fields")
    parser.add_argument("--start-from", type=Path, default=None, help="state of another run")
    parser.add_argument(
        "--judge-minutes",
        type=float,
        default=10,
        help="between looks at validation images; 0: no look",
    )
    parser.add_argument(
        "--patience", type=int, default=0, help="looks without a gain that end the run; 0: never"
    )
    parser.add_argument("--export", type=Path, help="only write the run's weights to this folder")
    parser.add_argument(
        "--weights",
        choices=(FILENAME, BEST),
        default=FILENAME,
        help="which are exported: the last, or those that validation images found best",
    )
    parser.add_argument("--card", type=Path, help="file whose text is the model card of the export")
    return parser


def _recipe(text: str) -> Recipe:
    try:
        return Recipe(**json.loads(text))
    except (TypeError, ValueError) as error:  # also SettingsError
        raise argparse.ArgumentTypeError(str(error)) from error


def _worker(rank: int, options: argparse.Namespace, meeting: str) -> None:
    end_with_parent()
    torch.distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=options.workers
    )
    train(options)
    torch.distributed.destroy_process_group()


def train(options: argparse.Namespace) -> None:
    """Train as the options say, in one process or as one of several workers.

    Parameters
    ----------
    options : argparse.Namespace
        As `main` reads them.
    """
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # processors are slow with the tiny numbers of far votes
    if options.device != "cpu":
        torch.set_float32_matmul_precision("high")  # several times as fast
    torch.manual_seed(0)
    model = SamModel(SamConfig.samara_tiny())
    initialise(model)
    model.to(options.device)
    trainer = Trainer(model, sources(options.data), options.recipe, options.out)
    if not trainer.resume() and options.start_from is not None:
        trainer.start_from(options.start_from)
    judge = None
    if trainer.workers.rank == 0:
        options.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(options.recipe), indent=1)
        (options.out / "recipe.json").write_text(text, encoding="utf-8")
        if options.judge_minutes > 0:
            images = validation_images(options.data)
            judge = Judge(images, options.judge_minutes * 60, options.patience)
    report = partial(_report, options.out)
    trainer.run(options.minutes * 60, report=report, judge=judge, processes=options.processes)


def _report(folder: Path, row: dict[str, float]) -> None:
    """Print a line of the log, and draw the curve where the run has just been judged."""
    print(json.dumps(row), flush=True)
    if any(name.startswith(JUDGED) for name in row):
        with contextlib.suppress(MissingExtraError):
            draw_log(folder / LOG, folder / CURVE)


if __name__ == "__main__":
    main()
