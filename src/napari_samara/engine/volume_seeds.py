"""What prompts and given masks say of objects in the slices they lie in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.engine.volume_fronts import Known
from napari_samara.engine.volume_slices import GIVEN, SliceMask
from napari_samara.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.volume_slices import Slices
    from napari_samara.prompts import PromptSet
    from napari_samara.settings import PredictSettings


def known_from_prompts(
    predictor: Predictor,
    slices: Slices,
    prompts: PromptSet,
    settings: PredictSettings | None = None,
) -> dict[int, Known]:
    """Decode the prompts of each object in each slice that has some.

    Parameters
    ----------
    predictor : Predictor
        The model.
    slices : Slices
        The volume.
    prompts : PromptSet
        On its slices.  An object with nothing but negative prompts in a slice is not in it.
    settings : PredictSettings, optional
        Threshold and clean-up.

    Returns
    -------
    dict of int to Known
        By object id.

    Raises
    ------
    PromptError
        If there is none, one lies outside or on another axis, an object has only negative ones,
        or nothing is found of it.
    """
    if not len(prompts):
        raise PromptError("no prompt was given; add a point, a box or another prompt")
    masks: dict[int, dict[int, SliceMask]] = {number: {} for number in prompts.objects}
    stops: dict[int, set[int]] = {number: set() for number in prompts.objects}
    groups = prompts.by_plane(slices.shape)
    places = {plane: slices.index_of(plane) for plane in groups}  # all checked, then encoded
    for plane, group in groups.items():
        for number in group.objects:
            given, index = group.inputs(number, slices.size), places[plane]
            if given.box is None and given.mask is None and not given.positive.any():
                stops[number].add(index)
                continue
            found = predictor.predict(
                slices.embedding_of(plane),
                given.points,
                given.positive,
                given.box,
                given.mask,
                settings=settings,
                steps=given.steps,
            )[0]
            if found.area:
                masks[number][index] = SliceMask.of(found.data, found.score)
    for number, mine in masks.items():
        if not mine:
            raise PromptError(
                f"object {number} is found in no slice: give it a positive prompt, or prompts "
                "that lie on it"
            )
    return {n: Known(mine, frozenset(stops[n])) for n, mine in masks.items()}


def known_from_masks(given: Mapping[int, Mapping[int, Any]], slices: Slices) -> dict[int, Known]:
    """Take masks as they are.

    Parameters
    ----------
    given : mapping of int to mapping of int to array_like
        Bool (rows, cols) by object id and index; an empty mask says that it is not there.
    slices : Slices
        The volume.

    Returns
    -------
    dict of int to Known
        By object id.

    Raises
    ------
    PromptError
        If a mask has another shape, lies outside, or an object has none but empty ones.
    """
    known = {}
    for number, mine in given.items():
        masks, stops = {}, set()
        for index, array in mine.items():
            data = np.asarray(array) != 0
            if data.shape != slices.size or not 0 <= index < len(slices):
                raise PromptError(
                    f"the mask of object {number} on slice {index} has shape {data.shape}; there "
                    f"are {len(slices)} slices of shape {slices.size}"
                )
            if data.any():
                masks[index] = SliceMask.of(data, 1.0, GIVEN)
            else:
                stops.add(index)
        if not masks:
            raise PromptError(f"object {number} has no mask that is not empty; give it one")
        known[number] = Known(masks, frozenset(stops))
    return known


def merged(one: Mapping[int, Known], other: Mapping[int, Known]) -> dict[int, Known]:
    """Join what is known of objects; of one slice the second knows better.

    Parameters
    ----------
    one, other : mapping of int to Known
        By object id.
    """
    found = dict(one)
    for number, more in other.items():
        old = found.get(number, Known({}))
        masks = {i: mask for i, mask in old.masks.items() if i not in more.stops}
        stops = {i for i in old.stops if i not in more.masks}
        found[number] = Known(
            {**masks, **more.masks}, frozenset(stops | more.stops), {**old.present, **more.present}
        )
    return found


def corrected(
    objects: Mapping[int, Mapping[int, SliceMask]], known: Mapping[int, Known]
) -> dict[int, Known]:
    """Join an earlier result with slices of it that were corrected.

    Parameters
    ----------
    objects : mapping of int to mapping of int to SliceMask
        An earlier result, by object id and index.
    known : mapping of int to Known
        Slices that are right or empty now.

    Returns
    -------
    dict of int to Known
        With the given slices of the earlier result beside them, and the others as present.
    """
    found = {}
    for number, more in known.items():
        earlier = objects.get(number, {})
        given = {i: mask for i, mask in earlier.items() if mask.origin == GIVEN}
        present = {i: mask for i, mask in earlier.items() if mask.origin != GIVEN}
        joined = merged({number: Known(given)}, {number: more})[number]
        present = {i: m for i, m in present.items() if i not in joined.stops}
        found[number] = Known(joined.masks, joined.stops, present)
    return found
