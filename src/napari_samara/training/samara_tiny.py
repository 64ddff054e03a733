"""The recipe of the shipped samara-tiny: ``python -m napari_samara.training.samara_tiny``."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import tifffile
import torch
from torch.multiprocessing.spawn import spawn

from napari_samara.model.config import SamConfig
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.sam import SamModel
from napari_samara.training.data import as_labels, as_uint8, read_manifest, volume_slices
from napari_samara.training.loop import Recipe, Source, Trainer, initialise

LAST_TRAINING_SLICE = 200
"""fibsem_medulla: slices from here on are for validation."""


def sources(root: Path) -> list[Source]:
    """Return the data whose licences allow shipping the weights: train parts only."""
    nuclei = list(read_manifest(root, "train", ("dsb2018",)))
    cells = list(read_manifest(root, "train", ("usiigaci",)))
    axons = list(read_manifest(root, "train", ("axon_sem",)))
    fibres = [replace(a, labels=as_labels(np.asarray(_fibres(root, a.name)))) for a in axons]
    folder = root / "fibsem_medulla"
    raw = as_uint8(tifffile.imread(folder / "raw.ome.tif"))[:LAST_TRAINING_SLICE]
    ids = as_labels(tifffile.imread(folder / "neuron_labels.ome.tif"))[:LAST_TRAINING_SLICE]
    neurons = list(volume_slices(raw, ids, "fibsem_medulla", step=4))
    return [
        Source(nuclei, 0.46),
        Source(cells, 0.2),
        Source(axons, 0.12),
        Source(fibres, 0.06),
        Source(neurons, 0.16),
    ]


def _fibres(root: Path, name: str) -> np.ndarray:
    from napari_samara.training.data import read_array

    return read_array(root / name.replace("/images/", "/labels_fibre/"))


def export(state: Path, folder: Path, card: str | None = None) -> None:
    """Write the averaged weights of a run as a checkpoint folder in half precision."""
    from napari_samara.checkpoints.save import save_pretrained

    config = SamConfig.samara_tiny()
    model = SamModel(config)
    model.load_state_dict(torch.load(state, weights_only=True)["average"])
    size = config.image_size
    preprocess = PreprocessConfig(size, size, per_image=True)
    save_pretrained(model.eval(), folder, preprocess, dtype=torch.float16, card=card)


def main() -> None:
    """Train or continue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("out/samara-tiny"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2, help="processes that share the work")
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--recipe", type=json.loads, default={}, help="JSON of Recipe fields")
    parser.add_argument("--start-from", type=Path, default=None, help="state of another run")
    parser.add_argument("--export", type=Path, help="only write the run's weights to this folder")
    options = parser.parse_args()
    if options.export is not None:
        export(options.out / "state.pt", options.export)
        return
    if options.workers > 1:
        with tempfile.TemporaryDirectory() as folder:
            spawn(_worker, (options, f"file://{folder}/meeting"), nprocs=options.workers)
    else:
        _train(options)


def _worker(rank: int, options: argparse.Namespace, meeting: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=options.workers
    )
    _train(options)
    torch.distributed.destroy_process_group()


def _train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = SamModel(SamConfig.samara_tiny())
    initialise(model)
    recipe = Recipe(**options.recipe)
    trainer = Trainer(model, sources(options.data), recipe, options.out)
    if not trainer.resume() and options.start_from is not None:
        state = torch.load(options.start_from, weights_only=True)
        model.load_state_dict(state["average"])
        trainer.average.load_state_dict(state["average"])
        trainer.dense_head.load_state_dict(state["dense_head"])
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))
    trainer.run(options.minutes * 60, report=lambda row: print(json.dumps(row), flush=True))


if __name__ == "__main__":
    main()
