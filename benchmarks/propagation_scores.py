"""How well objects were followed, and what corrections bring, object by object."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.engine.volume import Propagation
from napari_samara.engine.volume_consensus import fused
from napari_samara.engine.volume_fronts import Known
from napari_samara.engine.volume_quality import flags_of
from napari_samara.engine.volume_result import settled
from napari_samara.engine.volume_slices import SliceMask
from napari_samara.masks import box_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from propagation_cases import Case, Target

    from napari_samara.engine.volume_settings import PropagateSettings


@dataclass(frozen=True, eq=False)
class Prepared:
    """A volume with objects, each found on its slice, and what others make of them.

    Attributes
    ----------
    case, targets : Case, list of Target
        The volume and its objects.
    seeds : dict of int to SliceMask
        What the model finds in the box of the slice that each is pointed at in.
    upper, lower : dict of int to float
        Dice with the true box of every slice, and with that mask copied to all of them.
    """

    case: Case
    targets: list[Target]
    seeds: dict[int, SliceMask]
    upper: dict[int, float]
    lower: dict[int, float]


@dataclass(frozen=True)
class Score:
    """How one object was found, as Dice and in slices.

    Attributes
    ----------
    dice, upper, lower : float
        Of propagation, and of what it stands between.
    written, beyond : int
        Slices it was found in, and those of them beyond its ends.
    slices, missed : int
        Slices it is in, and those of them it was not found in.
    """

    dice: float
    upper: float
    lower: float
    written: int
    beyond: int
    slices: int
    missed: int


def prepared(case: Case, targets: list[Target]) -> Prepared:
    """Find each object by its box in its slice, and measure what it will stand between."""
    slices = case.slices()
    seeds, upper, lower = {}, {}, {}
    for target in targets:
        boxed = {}
        for index in range(target.first, target.end):
            box = box_of(target.truth[index])
            if box is not None:
                embedding = slices.embedding_of(slices.plane(index))
                mask = case.predictor.predict(embedding, box=box)[0]
                boxed[index] = SliceMask.of(mask.data, mask.score)
        seed = boxed[target.seed]
        copied = dict.fromkeys(range(target.first, target.end), seed)
        seeds[target.number] = seed
        upper[target.number] = dice(boxed, target.truth)
        lower[target.number] = dice(copied, target.truth)
    return Prepared(case, targets, seeds, upper, lower)


def dice(found: Mapping[int, SliceMask], truth: NDArray[np.bool_]) -> float:
    """Return the Dice of an object over the volume."""
    both = sum(int((truth[index][m.window] & m.crop).sum()) for index, m in found.items())
    mine = sum(m.area for m in found.values())
    return 2 * both / max(mine + int(truth.sum()), 1)


def followed(one: Prepared, settings: PropagateSettings) -> list[Score]:
    """Follow all objects of a volume in one run."""
    known = {n: Known({at: one.seeds[n]}) for n, at in _places(one) if one.seeds[n].area}
    views = [one.case.slices(axis) for axis in range(3 if settings.consensus else 1)]
    run = Propagation(views[0], known, one.case.decode, settings)
    run.run()
    if settings.consensus:
        run.found = fused(views, run.found, one.case.decode, settings) or run.found
    result, scores = settled(run), []
    for target in one.targets:
        found = result.get(target.number, {})
        inside = {i for i in range(target.first, target.end) if target.truth[i].any()}
        beyond = set(found) - set(range(target.first, target.end))
        missed = inside - set(found)
        number = target.number
        scores.append(
            Score(
                dice(found, target.truth),
                one.upper[number],
                one.lower[number],
                len(found),
                len(beyond),
                len(inside),
                len(missed),
            )
        )
    return scores


def _places(one: Prepared) -> list[tuple[int, int]]:
    return [(target.number, target.seed) for target in one.targets]


def line(volumes: Sequence[Sequence[Sequence[Score]]]) -> str:
    """Return a line of the table: Dice are means over objects, volumes, then data sets.

    Parameters
    ----------
    volumes : sequence of sequence of sequence of Score
        By data set, volume and object.
    """
    means = [[np.mean([astuple(s)[:3] for s in scores], 0) for scores in one] for one in volumes]
    got, high, low = np.mean([np.mean(one, 0) for one in means], 0)
    flat = [score for one in volumes for scores in one for score in scores]
    way = (got - low) / (high - low) if high > low else float("nan")
    beyond = sum(s.beyond for s in flat) / max(sum(s.written for s in flat), 1)
    missed = sum(s.missed for s in flat) / max(sum(s.slices for s in flat), 1)
    return (
        f"{len(flat):7} {low:6.3f} {high:6.3f} {got:6.3f} {100 * way:6.0f} % "
        f"{100 * beyond:6.1f} % {100 * missed:6.1f} %"
    )


def corrections(
    one: Prepared, settings: PropagateSettings, count: int, draw: int | None = None
) -> list[list[float]]:
    """Correct slices by their true masks, one after the other, and follow each correction.

    Parameters
    ----------
    one : Prepared
        A volume with its objects.
    settings : PropagateSettings
        How they are followed.
    count : int
        Corrections of each object.
    draw : int, optional
        Number of a draw by chance; the slices at the top of the list where it is left out.

    Returns
    -------
    list of list of float
        For each object its Dice before, and after each correction.
    """
    curves = []
    for number, at in _places(one):
        target = next(target for target in one.targets if target.number == number)
        rng = None if draw is None else np.random.default_rng((draw, number))
        known = Known({at: one.seeds[number]})
        if not one.seeds[number].area:
            continue
        curve: list[float] = []
        while True:
            run = Propagation(one.case.slices(), {number: known}, one.case.decode, settings)
            run.run()
            found = settled(run)[number]
            curve.append(dice(found, target.truth))
            if len(curve) > count:
                break
            known = corrected(target, known, found, rng)
        curves.append(curve)
    return curves


def corrected(target: Target, known: Known, found: Mapping[int, SliceMask], rng: Any) -> Known:
    """Correct the slice at the top of the list, or one drawn by chance where `rng` is given."""
    fixed = set(known.masks) | set(known.stops)
    listed = [flag.index for flag in flags_of({target.number: found}) if flag.index not in fixed]
    if not listed:
        return known
    index = listed[0] if rng is None else int(rng.choice(sorted(listed)))
    present = {i: mask for i, mask in found.items() if i not in fixed and i != index}
    if target.truth[index].any():
        masks = {**known.masks, index: target.mask(index)}
        return Known(masks, known.stops, present)
    return Known(known.masks, known.stops | {index}, present)


def curve_line(curves: Sequence[Sequence[float]]) -> str:
    """Return the mean Dice after each correction, and how many it takes to 0.9."""
    count = len(curves[0]) - 1
    means = " ".join(f"{value:.3f}" for value in np.mean(curves, axis=0))
    needed = [next((n for n, v in enumerate(c) if v >= 0.9), count + 1) for c in curves]
    reached = np.mean([n <= count for n in needed])
    return f"{means}  to 0.9: {np.mean(needed):.2f} ({100 * reached:.0f} % within {count})"
