"""Train the U-Net of Find all: ``python -m napari_samara.training.cell_net --data FOLDER``.

A run is saved every two minutes and goes on where it was when the command is given again. One image
of five is left out (`is_left_out`), so that it can be seen how much better the network knows those
it has learned from.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.utils.memory_format import convert_conv2d_weight_memory_format
from torch.utils.data import DataLoader, Dataset

from napari_samara.engine.cell_maps import WEIGHTS
from napari_samara.errors import SamaraError, SettingsError
from napari_samara.model.cell_net import WIDTHS, CellNet
from napari_samara.model.instance_maps import InstanceMaps
from napari_samara.training.dense import InstanceTargets, dense_loss, instance_targets
from napari_samara.training.run_lock import sole_run
from napari_samara.training.samara_tiny import sources
from napari_samara.training.state import FILENAME, read_state, write_state
from napari_samara.training.views import Source, Views

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from napari_samara.training.data import LabelledImage

SHARES = (0.40, 0.30, 0.11, 0.07, 0.03, 0.05)
"""How often the `sources` are drawn from: nuclei more often than for a SAM."""

EVERY = 5
"""Of so many images one is left out."""

FEW = 20
"""Images below which a source has too few to leave any out."""

MOST_OBJECTS = 5
"""Objects of a view that are found from one pixel each."""

SAVED = 120.0
"""Seconds between two states."""


@dataclass(frozen=True)
class CellRecipe:
    """What a run does.

    Attributes
    ----------
    steps : int
        Of the whole run; the learning rate falls to zero at its end.
    batch, side : int
        Views of a step, and their side in pixels of the input.
    rate, weight_decay : float
        Of AdamW.
    warmup : int
        Steps of rising learning rate.
    decay_from : float
        Part of the run after which the learning rate falls.
    phantoms : float
        Share of generated views.
    ema : float
        Weight of the past in the moving average of the weights.
    seed : int
        Decides the views of every step by its number.
    """

    steps: int = 6000
    batch: int = 8
    side: int = 256
    rate: float = 3e-3
    weight_decay: float = 0.02
    warmup: int = 100
    decay_from: float = 0.2
    phantoms: float = 0.08
    ema: float = 0.998
    seed: int = 0

    def rate_of(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        begin = self.decay_from * self.steps
        done = min(max(step - begin, 0) / max(self.steps - begin, 1), 1)
        falling = 0.5 * (1 + math.cos(math.pi * done))
        return self.rate * min(1, (step + 1) / self.warmup) * falling


def is_left_out(image: LabelledImage) -> bool:
    """Return whether the network does not learn from an image, by the name of it."""
    return zlib.crc32(image.name.encode()) % EVERY == 0


def learned_from(given: Sequence[Source]) -> list[Source]:
    """Return sources as a run draws from them, as often as `SHARES` says.

    Parameters
    ----------
    given : sequence of Source
        Those of `samara_tiny.sources`.

    Returns
    -------
    list of Source
        Without the images that are left out, where there are more than a few.
    """
    parts = []
    for source, share in zip(given, SHARES, strict=True):
        few = len(source.images) < FEW
        parts.append(Source([i for i in source.images if few or not is_left_out(i)], share))
    return parts


class CellViews(Dataset[tuple["Tensor", InstanceTargets]]):
    """Views of a step and what is true of them, by its number.

    Parameters
    ----------
    views : Views
        What to draw from.
    recipe : CellRecipe
        How.
    """

    def __init__(self, views: Views, recipe: CellRecipe) -> None:
        self.views, self.recipe = views, recipe

    def __getitem__(self, step: int) -> tuple[Tensor, InstanceTargets]:
        """Return pixels (V, 3, side, side) and targets."""
        rng = np.random.default_rng((self.recipe.seed, step))
        crops = [self.views.draw(rng, self.recipe.side) for _ in range(self.recipe.batch)]
        pixels = torch.from_numpy(np.stack([crop.pixels for crop in crops]))
        stride = CellNet.STRIDE
        known = [instance_targets(crop.labels, rng, stride, MOST_OBJECTS) for crop in crops]
        return pixels, InstanceTargets.of_views(known)


class CellTrainer:
    """One run.

    Parameters
    ----------
    views : Views
        What to learn from.
    recipe : CellRecipe
        How.
    folder : Path
        Where its state is kept; a run found there goes on.
    widths : sequence of int
        Of the network.

    Attributes
    ----------
    average : CellNet
        Moving average of the weights, in evaluation mode: the network to use.
    step : int
        Steps done.

    Raises
    ------
    SettingsError
        The side of the views does not suit the network.
    CheckpointError
        The state in the folder is damaged.
    """

    def __init__(
        self, views: Views, recipe: CellRecipe, folder: Path, widths: Sequence[int] = WIDTHS
    ) -> None:
        self.recipe, self.path = recipe, folder / FILENAME
        self.views = CellViews(views, recipe)
        torch.manual_seed(recipe.seed)
        self.net = CellNet(widths)
        convert_conv2d_weight_memory_format(self.net, torch.channels_last)  # faster on a CPU
        if recipe.side % self.net.coarsest:
            raise SettingsError(
                f"the side of views must be a multiple of {self.net.coarsest}, got {recipe.side}"
            )
        self.average = copy.deepcopy(self.net).eval()
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), recipe.rate, weight_decay=recipe.weight_decay
        )
        self.step = 0
        if self.path.is_file():
            state = read_state(self.path)
            self.net.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step = int(state["step"])

    def run(self, minutes: float, processes: int = 1) -> Iterator[dict[str, float]]:
        """Train to the end of the recipe or of the time, and tell how it goes.

        Parameters
        ----------
        minutes : float
            To stop after.
        processes : int
            That draw views ahead; 0 draws them here.

        Yields
        ------
        dict
            Step, mean loss and mean IoU of objects found from one pixel since the last one.
        """
        ahead = DataLoader(
            self.views,
            batch_size=None,
            sampler=range(self.step, self.recipe.steps),
            num_workers=processes,
        )
        started = saved = time.monotonic()
        losses: list[tuple[float, float]] = []
        for pixels, targets in ahead:
            losses.append(self.learn(pixels, targets))
            now = time.monotonic()
            over = now - started > 60 * minutes
            if over or now - saved > SAVED or self.step == self.recipe.steps:
                self.save()
                loss, iou = np.nanmean(losses, axis=0).tolist()
                yield {"step": self.step, "loss": round(loss, 4), "iou": round(iou, 4)}
                saved, losses = now, []
            if over:
                return

    def learn(self, pixels: Tensor, targets: InstanceTargets) -> tuple[float, float]:
        """Take one step; return the loss and the IoU of objects found from one pixel."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate_of(self.step)
        self.net.train()
        maps = self.net(pixels.contiguous(memory_format=torch.channels_last))
        loss, iou = dense_loss(InstanceMaps(*maps), targets, CellNet.STRIDE)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self._average()
        return float(loss.detach()), np.nan if iou is None else float(iou)

    @torch.no_grad()
    def _average(self) -> None:
        past = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        pairs = zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True)
        for mean, new in pairs:
            if mean.is_floating_point():
                mean.lerp_(new, 1 - past)
            else:
                mean.copy_(new)

    def save(self) -> None:
        """Write the state by rename."""
        state: dict[str, Any] = {
            "step": self.step,
            "model": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        write_state(self.path, state)


def export(net: CellNet, path: Path) -> None:
    """Write a network in half precision, as `cell_maps` reads it.

    Parameters
    ----------
    net : CellNet
        Whose weights they are.
    path : Path
        The file; replaced if it exists.
    """
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in net.state_dict().items()
    }
    save_file(state, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors makes files that only their owner may read


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, continue or export.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the command line.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with a MANIFEST.tsv")
    parser.add_argument("--out", type=Path, default=Path("out/cell-net"), help="of the run")
    parser.add_argument("--minutes", type=float, default=120, help="time to stop after")
    parser.add_argument("--steps", type=int, default=CellRecipe.steps, help="of the whole run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--processes", type=int, default=1, help="that draw views ahead")
    parser.add_argument("--export", action="store_true", help=f"write {WEIGHTS.name} at its end")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # processors are slow with the tiny numbers of far votes
    recipe = replace(CellRecipe(), steps=options.steps)
    try:
        with sole_run(options.out):
            views = Views(learned_from(sources(options.data)), recipe.phantoms)
            trainer = CellTrainer(views, recipe, options.out)
            for row in trainer.run(options.minutes, options.processes):
                print(json.dumps(row), flush=True)
        if options.export and trainer.step < recipe.steps:
            parser.exit(
                1, f"{trainer.step} of {recipe.steps} steps are done: nothing is exported\n"
            )
        if options.export:
            export(trainer.average, WEIGHTS)
    except (OSError, SamaraError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
