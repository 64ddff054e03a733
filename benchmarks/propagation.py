"""Objects followed through volumes from one box: how well, how far, and what corrections bring.

Each object that spans five slices or more gets one tight box, on the largest slice of its middle
third.  Printed beside each other, as 3D Dice: propagation, the same masks made from the true box of
every slice (upper) and the mask of that one slice copied to all slices of the object (lower);
the share of the way between the two; and the share of the slices written that lie beyond the
object's ends.  ``--prompts`` compares what each next slice can be prompted with, ``--corrections``
corrects the slices of highest doubt, or others drawn by chance, by the true mask.

    python benchmarks/propagation.py --sets nuclei organs em --objects 8
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_samara import load
from napari_samara.embedding import Embedding
from napari_samara.engine.volume import Propagation
from napari_samara.engine.volume_decoding import SlicePrompt, decode_prompts
from napari_samara.engine.volume_fronts import Known
from napari_samara.engine.volume_result import settled
from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.engine.volume_slices import SliceMask, Slices
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.masks import box_of
from napari_samara.settings import PredictSettings
from napari_samara.volume_contrast import volume_contrast
from napari_samara.volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.predictor import Predictor
    from napari_samara.planes import Plane

DATA = Path(os.environ.get("SAMARA_DATA", "../shared/data"))

SETS = {
    "nuclei": (
        ("gonuclear_mini/1135_raw.ome.tif", "gonuclear_mini/1135_labels.ome.tif", "auto"),
        ("stardist_3d/raw.ome.tif", "stardist_3d/labels.ome.tif", "auto"),
    ),
    "cells": (("plantseg_ovule/raw.ome.tif", "plantseg_ovule/cell_labels.ome.tif", "auto"),),
    "organs": (
        ("totalseg_ct/ct_image.nii.gz", "totalseg_ct/ct_labels.nii.gz", "ct:soft-tissue"),
        ("totalseg_mr/mr_image.nii.gz", "totalseg_mr/mr_labels.nii.gz", "auto"),
        ("sct_spine/t1w_image.nii.gz", "sct_spine/t1w_labels.nii.gz", "auto"),
        ("sct_spine/t2_image.nii.gz", "sct_spine/t2_labels.nii.gz", "auto"),
        ("pyradiomics_mri/brain1_image.nii.gz", "pyradiomics_mri/brain1_labels.nii.gz", "auto"),
        ("pyradiomics_mri/breast1_image.nii.gz", "pyradiomics_mri/breast1_labels.nii.gz", "auto"),
    ),
    "em": (("fibsem_medulla/raw.ome.tif", "fibsem_medulla/neuron_labels.ome.tif", "auto"),),
    "generated": (("nuclei", "", "auto"), ("organs", "", "auto")),
}
"""Image, labels and contrast of each volume; `em` is its validation part, z from 200 up."""

_SHORTEST, _SMALLEST = 5, {"em": 1000}


@dataclass(eq=False)
class Case:
    """A volume with labels, cut along its first axis, and the embeddings of its slices."""

    name: str
    group: str
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int32]
    spacing: tuple[float, ...] | None
    predictor: Predictor

    def __post_init__(self) -> None:
        self._kept: dict[int, tuple[dict[str, NDArray[np.float16]], Any]] = {}

    def embedding_of(self, plane: Plane) -> Embedding:
        """Encode a slice once; half precision keeps a hundred of them in memory."""
        index = plane.index or 0
        if index not in self._kept:
            rgb = np.repeat(self.pixels[index][..., None], 3, -1)
            made = self.predictor.embed_rgb(rgb, Contrast("none"))
            halves = {name: value.astype(np.float16) for name, value in made.features.items()}
            self._kept[index] = halves, made.frame
        halves, frame = self._kept[index]
        return Embedding({name: v.astype(np.float32) for name, v in halves.items()}, frame)

    def slices(self) -> Slices:
        """Return what propagation looks at."""
        return Slices(
            self.pixels.shape,
            0,
            self.embedding_of,
            lambda plane: self.pixels[plane.index or 0],
            spacing=self.spacing,
        )

    def decode(self, embedding: Embedding, prompts: Sequence[SlicePrompt]) -> Any:
        """Decode prompts of one slice."""
        return decode_prompts(self.predictor, embedding, prompts, PredictSettings())


@dataclass(frozen=True, eq=False)
class Target:
    """A known object and where it is pointed at."""

    number: int
    truth: NDArray[np.bool_]
    first: int
    end: int
    seed: int

    def mask(self, index: int) -> SliceMask:
        """Return its true mask in a slice."""
        return SliceMask.of(self.truth[index])


def read_cases(group: str, predictor: Predictor) -> list[Case]:
    """Read the volumes of a group."""
    cases = []
    for image, labels, policy in SETS[group]:
        if group == "generated":
            data, ids, spacing = generated(image)
        elif not (DATA / image).exists():
            print(f"{DATA / image} is not there: left out")
            continue
        else:
            volume = read_volume(DATA / image)
            data, spacing = volume.data, volume.spacing
            ids = read_volume(DATA / labels).data.astype(np.int32)
            if group == "em":
                data, ids = data[200:], ids[200:]
        contrast = volume_contrast(data, Contrast(policy))
        grey = np.stack([to_rgb(plane, contrast)[..., 0] for plane in data])
        cases.append(Case(image.split("/")[-1], group, grey, ids, spacing, predictor))
    return cases


def generated(kind: str, seed: int = 3) -> tuple[Any, Any, tuple[float, float, float]]:
    """Make bright blurred ellipsoids that touch, or dim organs between others, with labels."""
    rng = np.random.default_rng(seed)
    shape, count = ((40, 112, 112), 40) if kind == "nuclei" else ((36, 128, 128), 14)
    spacing = (2.0, 1.0, 1.0) if kind == "nuclei" else (3.0, 1.0, 1.0)
    ids = np.zeros(shape, np.int32)
    grid = np.indices(shape).astype(np.float32) * np.reshape(spacing, (3, 1, 1, 1))
    levels = np.zeros(count + 1)
    for number in range(1, count + 1):
        middle = rng.uniform(0.1, 0.9, 3) * np.array(shape) * spacing
        radii = rng.uniform(7, 13, 3) if kind == "nuclei" else rng.uniform(12, 32, 3)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        away = np.tensordot(turn, grid - middle[:, None, None, None], 1)
        wave = 1 + 0.15 * np.sin(away[0] / 5 + number) * np.cos(away[1] / 6)
        inside = ((away / radii[:, None, None, None]) ** 2).sum(0) < wave
        ids[inside & (ids == 0)] = number
        levels[number] = rng.uniform(90, 200) if kind == "nuclei" else rng.uniform(70, 180)
    levels[0] = 30 if kind == "nuclei" else 110
    image = ndimage.gaussian_filter(levels[ids], (0.7, 1.2, 1.2))
    image += ndimage.gaussian_filter(rng.normal(0, 25, shape), 0.7) + rng.normal(0, 8, shape)
    return image.clip(0, 255).astype(np.uint8), ids, spacing


def targets_of(case: Case, count: int, seed: int) -> list[Target]:
    """Draw objects that span enough slices, each with the slice that it is pointed at in."""
    found = []
    for number in np.unique(case.labels)[1:].tolist():
        truth = case.labels == number
        if truth.sum() < _SMALLEST.get(case.group, 100):
            continue
        areas = truth.sum((1, 2))
        held = np.flatnonzero(areas)
        first, end = int(held[0]), int(held[-1]) + 1
        if end - first < _SHORTEST:
            continue
        third = (end - first) // 3
        middle = slice(first + third, end - third)
        at = middle.start + int(areas[middle].argmax())
        if case.group == "em":
            truth = touched(truth, at)
            held = np.flatnonzero(truth.any((1, 2)))
            first, end = int(held[0]), int(held[-1]) + 1
        if areas[at] >= 12 and end - first >= _SHORTEST:
            found.append(Target(number, truth, first, end, at))
    order = np.random.default_rng(seed).permutation(len(found))[:count]
    return [found[at] for at in sorted(order)]


def touched(truth: NDArray[np.bool_], index: int) -> NDArray[np.bool_]:
    """Return the piece of an object that has most of it in a slice."""
    pieces, _ = ndimage.label(truth)
    here = np.bincount(pieces[index].ravel())
    here[0] = 0
    return np.asarray(pieces == here.argmax())


def seeds_of(case: Case, targets: Sequence[Target]) -> dict[int, SliceMask]:
    """Find each object by its box in its slice."""
    slices, found = case.slices(), {}
    for target in targets:
        box = box_of(target.truth[target.seed])
        embedding = slices.embedding_of(slices.plane(target.seed))
        mask = case.decode(embedding, [SlicePrompt(box=box)])[0]
        found[target.number] = SliceMask.of(mask.data, mask.score)
    return found


def dice(found: Mapping[int, SliceMask], truth: NDArray[np.bool_]) -> float:
    """Return the Dice of an object over the volume."""
    both = sum(int((truth[index][m.window] & m.crop).sum()) for index, m in found.items())
    mine = sum(m.area for m in found.values())
    return 2 * both / max(mine + int(truth.sum()), 1)


def upper(case: Case, target: Target) -> float:
    """Dice where every slice is prompted with its true box."""
    slices, found = case.slices(), {}
    for index in range(target.first, target.end):
        box = box_of(target.truth[index])
        if box is not None:
            embedding = slices.embedding_of(slices.plane(index))
            found[index] = SliceMask.of(case.decode(embedding, [SlicePrompt(box=box)])[0].data)
    return dice(found, target.truth)


@dataclass(frozen=True)
class Score:
    """How one object was found."""

    dice: float
    upper: float
    lower: float
    false: int
    written: int
    missed: int
    slices: int


def measure(
    case: Case,
    targets: Sequence[Target],
    seeds: Mapping[int, SliceMask],
    settings: PropagateSettings,
    bounds: Mapping[int, tuple[float, float]],
) -> tuple[list[Score], Propagation]:
    """Follow all objects of a case in one run."""
    usable = [t for t in targets if seeds[t.number].area]
    known = {t.number: Known({t.seed: seeds[t.number]}) for t in usable}
    run = Propagation(case.slices(), known, case.decode, settings)
    run.run()
    scores = []
    for target in targets:
        found = run.found.get(target.number, {})
        inside = {i for i in range(target.first, target.end) if target.truth[i].any()}
        written = {i for i, mask in found.items() if mask.area}
        high, low = bounds[target.number]
        beyond = written - set(range(target.first, target.end))
        scores.append(
            Score(
                dice(found, target.truth),
                high,
                low,
                len(beyond),
                len(written),
                len(inside - written),
                len(inside),
            )
        )
    return scores, run


def summary(scores: Sequence[Score]) -> str:
    """One line of a table."""
    got, high, low = (
        float(np.mean([getattr(s, name) for s in scores])) for name in ("dice", "upper", "lower")
    )
    way = (got - low) / (high - low) if high > low else float("nan")
    false = sum(s.false for s in scores) / max(sum(s.written for s in scores), 1)
    missed = sum(s.missed for s in scores) / max(sum(s.slices for s in scores), 1)
    return (
        f"{got:6.3f} {high:6.3f} {low:6.3f} {100 * way:6.0f} % {100 * false:8.1f} % "
        f"{100 * missed:7.1f} %"
    )


VARIANTS = {
    "default": {},
    "box alone": {"negatives": False, "mask": "none"},
    "box alone, no inertia": {"negatives": False, "mask": "none", "inertia": 0.0},
    "no inertia": {"inertia": 0.0},
    "inertia 0.5": {"inertia": 0.5},
    "inertia 3": {"inertia": 3.0},
    "no negatives": {"negatives": False},
    "one size": {"sizes": False},
    "no appearance": {"appearance": 0.0},
    "appearance 1": {"appearance": 1.0},
    "mask, cut off": {"mask": "binary"},
    "mask as logits": {"mask": "logits"},
    "and 1 point": {"points": 1},
    "and 3 points": {"points": 3},
    "3 points, no box": {"points": 3, "box": False},
    "margin 0": {"margin": 0.0},
    "margin 1": {"margin": 1.0},
    "margin 2": {"margin": 2.0},
    "interpolation": {"method": "interpolate"},
}
"""What a next slice can be prompted with."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A volume with objects, each found on its slice, and what others make of them."""

    case: Case
    targets: list[Target]
    seeds: dict[int, SliceMask]
    bounds: dict[int, tuple[float, float]]


def prepared(case: Case, count: int, seed: int) -> Prepared:
    """Draw objects and find each by its box."""
    targets = targets_of(case, count, seed)
    seeds = seeds_of(case, targets)
    bounds = {}
    for target in targets:
        copied = dict.fromkeys(range(target.first, target.end), seeds[target.number])
        bounds[target.number] = upper(case, target), dice(copied, target.truth)
    return Prepared(case, targets, seeds, bounds)


def corrections(one: Prepared, count: int, by_doubt: bool, seed: int) -> list[list[float]]:
    """Correct slices by their true masks, one after the other, and follow each correction.

    Returns
    -------
    list of list of float
        For each object its Dice before, and after each correction.
    """
    curves = []
    for target in one.targets:
        rng = np.random.default_rng((seed, target.number))
        known = Known({target.seed: one.seeds[target.number]})
        if not one.seeds[target.number].area:
            continue
        curve = []
        for done in range(count + 1):
            run = Propagation(one.case.slices(), {target.number: known}, one.case.decode)
            run.run()
            found = settled(run)[target.number]
            curve.append(dice(found, target.truth))
            if done < count:
                known = corrected(target, known, found, rng if not by_doubt else None)
        curves.append(curve)
    return curves


def corrected(target: Target, known: Known, found: Mapping[int, SliceMask], rng: Any) -> Known:
    """Correct the most doubtful slice, or one drawn by chance where `rng` is given."""
    fixed = set(known.masks) | set(known.stops)
    open_ = sorted(set(found) - fixed)
    if not open_:
        return known
    index = max(open_, key=lambda i: found[i].doubt) if rng is None else int(rng.choice(open_))
    present = {i: mask for i, mask in found.items() if i not in fixed and i != index}
    if target.truth[index].any():
        masks = {**known.masks, index: target.mask(index)}
        return Known(masks, known.stops, present)
    return Known(known.masks, known.stops | {index}, present)


def print_corrections(group: str, cases: Sequence[Prepared], count: int, seed: int) -> None:
    """Print the Dice after each correction, and how many it takes to 0.9."""
    for name, by_doubt in (("most doubtful", True), ("by chance", False)):
        curves = [c for one in cases for c in corrections(one, count, by_doubt, seed)]
        if not curves:
            continue
        means = " ".join(f"{value:.3f}" for value in np.mean(curves, axis=0))
        needed = [next((n for n, v in enumerate(c) if v >= 0.9), count + 1) for c in curves]
        reached = np.mean([n <= count for n in needed])
        print(
            f"{group:10} corrected {name:14} {means}  to 0.9: {np.mean(needed):.2f} "
            f"({100 * reached:.0f} % within {count})",
            flush=True,
        )


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["nuclei", "organs"])
    parser.add_argument("--objects", type=int, default=6, help="of each volume")
    parser.add_argument("--prompts", action="store_true", help="compare kinds of prompts")
    parser.add_argument("--corrections", type=int, default=0, metavar="N", help="of each object")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    predictor = load(args.checkpoint, device="cpu")
    print(f"{predictor.checkpoint.name} {predictor.checkpoint.sha256[:12]}, load {os.getloadavg()}")
    print(f"{'':44} Dice    upper  lower  of the way  beyond   missed")
    for group in args.sets:
        start = time.perf_counter()
        cases = [prepared(case, args.objects, args.seed) for case in read_cases(group, predictor)]
        cases = [one for one in cases if one.targets]
        for name in VARIANTS if args.prompts else ["default"]:
            settings, scores = PropagateSettings(**VARIANTS[name]), []
            for one in cases:
                mine, _ = measure(one.case, one.targets, one.seeds, settings, one.bounds)
                scores += mine
                if not args.prompts and len(cases) > 1:
                    title = f"  {one.case.name}, {len(mine)} objects"
                    print(f"{title:43}{summary(mine)}", flush=True)
            if scores:
                title = f"{group}, {name}, {len(scores)} objects"
                print(f"{title:43}{summary(scores)}", flush=True)
        if args.corrections:
            print_corrections(group, cases, args.corrections, args.seed)
        print(f"{group}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
