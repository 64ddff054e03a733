"""A few validation images that a run is judged by while it goes on, and when to give it up."""

from __future__ import annotations

import copy
import time
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.device import choose_device
from napari_samara.engine.predictor import Predictor
from napari_samara.errors import FileFormatError
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.training.curve import JUDGED, read_log
from napari_samara.training.data import LabelledImage
from napari_samara.training.evaluation import one_prompt_ious
from napari_samara.training.known_objects import known_objects
from napari_samara.training.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_samara.model.sam import SamModel
    from napari_samara.training.known_objects import KnownObject

SMALLEST, OBJECTS = 25, 12
"""Pixels that an object has at least, and objects of an image that are looked for."""

LEAST_GAIN = 0.001
"""A score that is not higher than the best by so much is no improvement."""

# Images of each data set, evenly spaced in its validation part, and the side of what is shown of
# them: the middle, so that crops are encoded at about the size at which they were taken.
_CHOSEN = {"dsb2018": (6, 512), "usiigaci": (2, 512), "axon_sem": (1, 512)}


def validation_images(root: Path) -> list[LabelledImage]:
    """Return a few validation images that take seconds to judge a model by.

    Parameters
    ----------
    root : Path
        The folder of evaluation images, with its manifest.

    Returns
    -------
    list of LabelledImage
        Nuclei, cells and axons, at most 512 pixels wide.

    Raises
    ------
    FileFormatError
        The folder lacks its manifest or a file, or one cannot be read.
    """
    found = []
    for dataset, (count, side) in _CHOSEN.items():
        images = list(read_manifest(root, "val", (dataset,)))
        places = np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int)
        found += [_middle(images[at], side) for at in places]
    return found


def _middle(image: LabelledImage, side: int) -> LabelledImage:
    """Middle of an image, at most `side` pixels high and wide."""
    part = tuple(
        slice(max(0, (length - side) // 2), max(0, (length - side) // 2) + side)
        for length in image.labels.shape
    )
    return LabelledImage(
        image.name,
        image.dataset,
        np.ascontiguousarray(image.image[part]),
        np.ascontiguousarray(image.labels[part]),
    )


class Judge:
    """Judges models by the same objects and the same prompts, now and then.

    Parameters
    ----------
    images : sequence of LabelledImage
        At least one object of `SMALLEST` pixels in them.
    seconds : float
        Between two looks.
    patience : int
        Looks without an improvement after which it is `exhausted`; 0 stands for never.
    clock : callable
        Seconds of a clock.

    Attributes
    ----------
    best : float
        Highest score so far: the mean of both prompts.
    since : int
        Looks since then.

    Raises
    ------
    FileFormatError
        There is nothing to look for.
    """

    def __init__(
        self,
        images: Sequence[LabelledImage],
        seconds: float = 600.0,
        patience: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds, self.patience = seconds, patience
        self.best, self.since = 0.0, 0
        self._clock, self._last = clock, clock()
        self._known: list[tuple[LabelledImage, list[KnownObject]]] = []
        for number, image in enumerate(images):
            rng = np.random.default_rng((0, number))
            objects = known_objects(image.labels, SMALLEST, rng)
            kept = sorted(rng.permutation(len(objects))[:OBJECTS])
            if kept:
                self._known.append((image, [objects[at] for at in kept]))
        if not self._known:
            raise FileFormatError(
                f"the validation images have no object of at least {SMALLEST} pixels"
            )

    @property
    def exhausted(self) -> bool:
        """Whether so many looks as it has patience for brought no improvement."""
        return 0 < self.patience <= self.since

    def resume(self, log: Path, step: int) -> None:
        """Go on from what an earlier part of a run logged.

        Parameters
        ----------
        log : Path
            Its ``log.jsonl``; may be missing.
        step : int
            Where the run goes on; what was logged of later steps does not count.

        Raises
        ------
        FileFormatError
            It is no such log.
        """
        names = f"{JUDGED}box", f"{JUDGED}point"
        for row in read_log(log) if log.is_file() else []:
            if row["step"] <= step and row.keys() >= set(names):
                self._note(mean(row[name] for name in names))

    def look(self, model: SamModel) -> dict[str, float]:
        """Judge a model if it is time to.

        Parameters
        ----------
        model : SamModel
            On the CPU, in evaluation mode.

        Returns
        -------
        dict
            As `judge` gives it; empty before `seconds` have gone by since the last look.
        """
        if self._clock() - self._last < self.seconds:
            return {}
        found = self.judge(model)
        self._note((found[f"{JUDGED}box"] + found[f"{JUDGED}point"]) / 2)
        self._last = self._clock()
        return found

    def judge(self, model: SamModel) -> dict[str, float]:
        """Find the objects by one prompt each.

        Parameters
        ----------
        model : SamModel
            In evaluation mode; a copy on the CPU is judged.

        Returns
        -------
        dict
            ``val_box`` and ``val_point``: mean IoU over the objects of an image, the images of a
            data set, then data sets; ``val_box_NAME`` and ``val_point_NAME`` of each of them.
        """
        size = model.config.image_size
        preprocess = PreprocessConfig(size, size, per_image=True)
        if model.device.type != "cpu":
            model = copy.deepcopy(model).cpu()
        predictor = Predictor(model, preprocess, choice=choose_device("cpu"))
        ious: dict[str, dict[str, list[float]]] = {"box": {}, "point": {}}
        for image, objects in self._known:
            found = one_prompt_ious(predictor, predictor.embed(image.image), objects)
            for prompt, values in found.items():
                ious[prompt].setdefault(image.dataset, []).append(mean(values))
        row = {}
        for prompt, by_dataset in ious.items():
            means = {name: mean(values) for name, values in by_dataset.items()}
            row[f"{JUDGED}{prompt}"] = mean(means.values())
            row |= {f"{JUDGED}{prompt}_{name}": value for name, value in means.items()}
        return row

    def _note(self, score: float) -> None:
        better = score > self.best + LEAST_GAIN
        self.best, self.since = (score, 0) if better else (self.best, self.since + 1)
