"""Runs that train a small network from random weights, and go on where they were stopped."""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from safetensors.torch import save_file
from torch.utils.data import DataLoader

from napari_samara.errors import SamaraError
from napari_samara.training.run_lock import sole_run
from napari_samara.training.state import FILENAME, read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn
    from torch.utils.data import Dataset

Recipe = TypeVar("Recipe", bound="NetRecipe")

SAVED = 120.0
"""Seconds between two states."""


@dataclass(frozen=True)
class NetRecipe:
    """What a run does.

    Attributes
    ----------
    steps : int
        Of the whole run; the learning rate falls to zero at its end.
    batch : int
        Examples of a step.
    rate, weight_decay : float
        Of AdamW.
    warmup : int
        Steps of rising learning rate.
    decay_from : float
        Part of the run after which the learning rate falls.
    ema : float
        Weight of the past in the moving average of the weights.
    steepest : float
        Norm of the gradient that a step is limited to.
    seed : int
        Decides the examples of every step by its number.
    """

    steps: int
    batch: int
    rate: float
    weight_decay: float = 0.02
    warmup: int = 100
    decay_from: float = 0.2
    ema: float = 0.998
    steepest: float = 5.0
    seed: int = 0

    def rate_of(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        begin = self.decay_from * self.steps
        done = min(max(step - begin, 0) / max(self.steps - begin, 1), 1)
        falling = 0.5 * (1 + math.cos(math.pi * done))
        return self.rate * min(1, (step + 1) / self.warmup) * falling


class NetTrainer(ABC):
    """One run.

    Parameters
    ----------
    net : Module
        With random weights.
    examples : Dataset
        Those of a step, by its number.
    recipe : NetRecipe
        How.
    folder : Path
        Where its state is kept; a run found there goes on.

    Attributes
    ----------
    average : Module
        Moving average of the weights, in evaluation mode: the network to use.
    step : int
        Steps done.

    Raises
    ------
    CheckpointError
        The state in the folder is damaged.
    """

    MEASURES: tuple[str, ...]
    """What `loss_of` tells, in order, in a word each."""

    def __init__(
        self, net: nn.Module, examples: Dataset[Any], recipe: NetRecipe, folder: Path
    ) -> None:
        self.net, self.examples = net, examples
        self.recipe, self.path = recipe, folder / FILENAME
        self.average = copy.deepcopy(net).eval()
        self.optimiser = torch.optim.AdamW(
            net.parameters(), recipe.rate, weight_decay=recipe.weight_decay
        )
        self.step = 0
        if self.path.is_file():
            state = read_state(self.path)
            self.net.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step = int(state["step"])

    @abstractmethod
    def loss_of(self, *examples: Any) -> tuple[Tensor, tuple[float, ...]]:
        """Return the loss of a step's examples, and its `MEASURES`; nan for those it lacks."""

    def run(self, minutes: float, processes: int = 1) -> Iterator[dict[str, float]]:
        """Train to the end of the recipe or of the time, and tell how it goes.

        Parameters
        ----------
        minutes : float
            To stop after.
        processes : int
            That draw examples ahead; 0 draws them here.

        Yields
        ------
        dict
            Step, and the mean of each of the `MEASURES` since the last one.
        """
        ahead = DataLoader(
            self.examples,
            batch_size=None,
            sampler=range(self.step, self.recipe.steps),
            num_workers=processes,
        )
        started = saved = time.monotonic()
        told: list[tuple[float, ...]] = []
        for examples in ahead:
            told.append(self.learn(*examples))
            now = time.monotonic()
            over = now - started > 60 * minutes
            if over or now - saved > SAVED or self.step == self.recipe.steps:
                self.save()
                means = np.nanmean(told, axis=0).round(4).tolist()
                yield {"step": self.step, **dict(zip(self.MEASURES, means, strict=True))}
                saved, told = now, []
            if over:
                return

    def learn(self, *examples: Any) -> tuple[float, ...]:
        """Take one step; return its `MEASURES`."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate_of(self.step)
        self.net.train()
        loss, told = self.loss_of(*examples)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.steepest)
        self.optimiser.step()
        self.step += 1
        self._average()
        return told

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


def export(net: nn.Module, path: Path) -> None:
    """Write a network in half precision.

    Parameters
    ----------
    net : Module
        Whose weights they are.
    path : Path
        The file; replaced if it exists.
    """
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in net.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors makes files that only their owner may read


def run_command(
    about: str,
    make: Callable[[Path, Recipe, Path], NetTrainer],
    recipe: Recipe,
    weights: Path,
    arguments: Sequence[str] | None = None,
) -> None:
    """Train, continue or export from a command line; errors are told in one line.

    Parameters
    ----------
    about : str
        What the command does, in the first paragraph.
    make : callable
        Returns the run, given the folder of images, the recipe and the folder of the run.
    recipe : NetRecipe
        How, unless another number of steps is asked for.
    weights : Path
        Where the package keeps the network, in a folder of its name.
    arguments : sequence of str, optional
        In place of those of the command line.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of evaluation images")
    parser.add_argument("--out", type=Path, default=Path("out") / weights.parent.name)
    parser.add_argument("--minutes", type=float, default=120, help="time to stop after")
    parser.add_argument("--steps", type=int, default=recipe.steps, help="of the whole run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--processes", type=int, default=1, help="that draw examples ahead")
    parser.add_argument("--export", action="store_true", help=f"write {weights.name} at its end")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # processors are slow with the tiny numbers of far votes
    try:
        with sole_run(options.out):
            trainer = make(options.data, replace(recipe, steps=options.steps), options.out)
            for row in trainer.run(options.minutes, options.processes):
                print(json.dumps(row), flush=True)
        if options.export and trainer.step < options.steps:
            done = f"{trainer.step} of {options.steps} steps are done"
            parser.exit(1, f"{done}: nothing is exported\n")
        if options.export:
            export(trainer.average, weights)
    except (OSError, SamaraError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
