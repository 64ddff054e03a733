"""Objects are followed to their ends and no further, and nobody else's pixels are touched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from tests.engine.phantom import SHAPE, Phantom, branching, dice, ellipsoid

from napari_samara.engine import volume_ahead
from napari_samara.engine.volume import Propagation
from napari_samara.engine.volume_ahead import Ahead, look_ahead
from napari_samara.engine.volume_fronts import Known
from napari_samara.engine.volume_result import painted, settled
from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.engine.volume_slices import GIVEN, INTERPOLATED, SliceMask
from napari_samara.errors import ImageError, PromptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.engine.volume_decoding import SlicePrompt
    from napari_samara.masks import Mask
    from napari_samara.planes import Plane


def labels_of(*objects: np.ndarray) -> np.ndarray:
    labels = np.zeros(SHAPE, np.int32)
    for number, voxels in enumerate(objects, start=1):
        labels[voxels & (labels == 0)] = number
    return labels


@pytest.fixture
def one() -> Phantom:
    """One ellipsoid, slices 4 to 16."""
    return Phantom(labels_of(ellipsoid((10, 24, 28), (6.4, 11, 13))))


@pytest.fixture
def touching() -> Phantom:
    """Two that touch, and one apart."""
    return Phantom(
        labels_of(
            ellipsoid((9, 20, 16), (5.4, 9, 9)),
            ellipsoid((11, 20, 33), (5.4, 9, 9)),
            ellipsoid((10, 40, 46), (4.4, 5, 6)),
        )
    )


def run(phantom: Phantom, known: dict[int, Known], **options: object) -> Propagation:
    span = options.pop("span", None)
    slices = options.pop("slices", None) or phantom.slices()
    made = Propagation(slices, known, phantom.decode, PropagateSettings(**options), span)
    made.run()
    return made


RULES = {"lookahead": 0.0, "stop": 0.5}
"""Without the network that looks ahead."""


def test_both_ways_to_the_ends(one: Phantom) -> None:
    found = run(one, {1: Known(one.given(1, 10))}).found[1]
    held = np.flatnonzero((one.labels == 1).any((1, 2)))
    assert dice(found, one.labels == 1) > 0.9
    assert set(range(held[0] + 1, held[-1])) <= set(found) <= set(held.tolist())
    assert found[10].origin == GIVEN
    assert not np.shares_memory(found[10].crop, one.labels)


def test_hallucinations_beyond_the_end_are_doubted(one: Phantom) -> None:
    never = run(one, {1: Known(one.given(1, 10))}, stop=1.0, appearance=0.0, inertia=0.0)
    assert max(never.found[1]) > 16  # what the check prevents


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_axis(one: Phantom, axis: int) -> None:
    slices = one.slices(axis)
    seed = slices.plane((10, 24, 28)[axis]).extract(one.labels) == 1
    made = run(one, {1: Known({(10, 24, 28)[axis]: SliceMask.of(seed)})}, slices=slices)
    labels = np.zeros(SHAPE, np.int32)
    painted(settled(made), slices, labels)
    assert 2 * (labels & one.labels).sum() / (labels.sum() + one.labels.sum()) > 0.9


def test_a_range_limits_it(one: Phantom) -> None:
    found = run(one, {1: Known(one.given(1, 10))}, span=(8, 13)).found[1]
    assert sorted(found) == [8, 9, 10, 11, 12]
    assert set(one.encoded) == {8, 9, 10, 11, 12}


def test_two_known_slices_meet_in_the_middle(one: Phantom) -> None:
    made = run(one, {1: Known(one.given(1, 6, 13))}, span=(6, 14))
    assert [(f.way, f.start, f.end) for f in made._fronts] == [(1, 6, 9), (-1, 13, 10)]
    assert sorted(made.found[1]) == list(range(6, 14))
    assert dice(made.found[1], (one.labels == 1) & (np.arange(20) < 14)[:, None, None]) > 0.85


def test_negative_slices_stop_it(one: Phantom) -> None:
    found = run(one, {1: Known(one.given(1, 10), frozenset({13}))}).found[1]
    assert max(found) == 12
    assert min(found) < 7


def test_gaps_between_known_slices_are_interpolated(one: Phantom) -> None:
    known = {1: Known(one.given(1, 6, 14))}
    cheap = run(one, known, method="interpolate").found[1]
    assert not one.encoded
    assert sorted(cheap) == list(range(6, 15))
    assert {cheap[i].origin for i in range(7, 14)} == {INTERPOLATED}
    # A decoder that loses it at once: interpolation is the fallback, but not across a stop.
    one.decode = (
        lambda _, prompts: [  # type: ignore[method-assign]
            type(one).decode.__globals__["Mask"](np.zeros(SHAPE[1:], bool)) for _ in prompts
        ]
    )
    lost = run(one, known).found[1]
    assert sorted(lost) == list(range(6, 15))
    stopped = run(one, {1: Known(one.given(1, 6, 14), frozenset({10}))}).found[1]
    assert sorted(stopped) == [6, 14]


def test_a_branching_object_keeps_its_branches() -> None:
    phantom = Phantom(labels_of(branching()))
    # The decoder of the phantom never leaves its box: what moves that fast needs a margin.
    # The network, which was never shown anything that parts as fast, takes it to have ended.
    found = run(phantom, {1: Known(phantom.given(1, 5))}, margin=2.0, **RULES).found[1]
    assert dice(found, phantom.labels == 1) > 0.85
    half = found[15].data
    assert half[:, :28].any()
    assert half[:, 28:].any()


def tube(way: float) -> np.ndarray:
    """A disk in every slice that moves by so many columns from one to the next."""
    rows, cols = np.indices(SHAPE[1:])
    return np.array([np.hypot(rows - 24, cols - 16 - way * z) <= 6 for z in range(SHAPE[0])])


def test_what_slants_is_followed() -> None:
    phantom = Phantom(labels_of(tube(1.2)))
    # The decoder of the phantom never leaves its box: that has to be where the object went.
    found = run(phantom, {1: Known(phantom.given(1, 10))}).found[1]
    assert dice(found, phantom.labels == 1) > 0.85
    rules = {"matching": 0.0, "appearance": 0.0, "lookahead": 0.0}
    blind = run(phantom, {1: Known(phantom.given(1, 10))}, **rules).found[1]
    assert dice(blind, phantom.labels == 1) < 0.75


def test_what_has_faded_has_ended() -> None:
    phantom = Phantom(labels_of(tube(0.0)))
    noise = np.random.default_rng(1).normal(0, 20, SHAPE)
    for index in range(20):  # by a twentieth in each slice; nothing else changes
        grey = 40 + (phantom.pixels[index].astype(float) - 40) * (1 - 0.05 * max(index - 2, 0))
        phantom.pixels[index] = (grey + noise[index]).clip(0, 255)
    found = run(phantom, {1: Known(phantom.given(1, 2))}, **RULES).found[1]
    assert 11 <= max(found) <= 16


def test_many_at_once_are_as_one_by_one(touching: Phantom) -> None:
    alone = {n: run(touching, {n: Known(touching.given(n, 10))}).found[n] for n in (1, 2, 3)}
    touching.batches.clear()
    together = run(touching, {n: Known(touching.given(n, 10)) for n in (1, 2, 3)}).found
    assert max(touching.batches) == 3
    for number, masks in alone.items():
        assert sorted(masks) == sorted(together[number])
        for index, mask in masks.items():
            assert np.array_equal(mask.data, together[number][index].data)


def test_accepted_objects_say_where_it_is_not_and_followed_ones_do_not(touching: Phantom) -> None:
    asked: list[np.ndarray] = []
    real = touching.decode

    def decode(embedding: object, prompts: Sequence[SlicePrompt]) -> list[Mask]:
        asked.extend(prompt.points[~prompt.positive] for prompt in prompts)
        return real(embedding, prompts)

    touching.decode = decode  # type: ignore[method-assign]
    run(touching, {n: Known(touching.given(n, 10)) for n in (1, 2)}, margin=3.0)
    assert not any(len(points) for points in asked)
    accepted = touching.slices(taken_of=lambda plane: plane.extract(touching.labels) == 2)
    run(touching, {1: Known(touching.given(1, 10))}, slices=accepted, margin=3.0)
    points = np.concatenate(asked)
    assert len(points)
    columns = np.flatnonzero((touching.labels == 2).any((0, 1)))
    assert ((points[:, 1] >= columns[0]) & (points[:, 1] <= columns[-1])).all()
    asked.clear()
    run(touching, {1: Known(touching.given(1, 10))}, slices=accepted, margin=3.0, negatives=False)
    assert not any(len(points) for points in asked)


def test_touching_objects_do_not_share_pixels(touching: Phantom) -> None:
    made = run(touching, {n: Known(touching.given(n, 10)) for n in (1, 2, 3)})
    total = np.zeros(SHAPE, int)
    for masks in settled(made).values():
        for index, mask in masks.items():
            total[index] += mask.data
    assert total.max() == 1
    for number in (1, 2, 3):
        assert dice(made.found[number], touching.labels == number) > 0.85


def test_accepted_pixels_stay(touching: Phantom) -> None:
    accepted = touching.labels == 2
    accepted[:, :, 24:] |= touching.labels[:, :, 24:] == 1  # some of the other one, too
    slices = touching.slices(taken_of=lambda plane: plane.extract(accepted))
    made = run(touching, {1: Known(touching.given(1, 9))}, slices=slices)
    labels = np.where(accepted, 7, 0).astype(np.int32)
    before = labels.copy()
    painted(settled(made), slices, labels)
    assert np.array_equal(labels[accepted], before[accepted])
    assert (labels == 1).sum() > 500


def test_cancel_keeps_what_is_found(one: Phantom) -> None:
    told: list[tuple[int, int]] = []
    made = Propagation(one.slices(), {1: Known(one.given(1, 10))}, one.decode)
    assert not made.run(lambda *at: told.append(at), lambda: len(told) == 3)
    assert sorted(made.found[1]) == [10, 11, 12, 13]
    assert not made.complete
    assert made.run(lambda *at: told.append(at))  # and it can go on
    assert min(made.found[1]) < 10
    assert told[-1][0] == told[-1][1] == 19


def test_a_correction_changes_its_neighbourhood_alone(one: Phantom) -> None:
    first = settled(run(one, {1: Known(one.given(1, 10))}))[1]
    wrong = dict(first)
    half = ellipsoid((10, 18, 28), (6.4, 5, 13))
    for index in (12, 13):
        wrong[index] = SliceMask.of(half[index], 0.9, first[index].origin)
    present = {i: mask for i, mask in wrong.items() if mask.origin != GIVEN}
    one.encoded.clear()
    known = Known({**one.given(1, 10), **one.given(1, 13)}, present=present)
    made = settled(run(one, {1: known}, agree=0.8))[1]
    assert dice(made, one.labels == 1) >= dice(first, one.labels == 1) - 0.01
    assert made[6] is wrong[6]
    assert made[13].origin == GIVEN
    assert set(one.encoded) <= {9, 10, 11, 12, 13, 14, 15}


def test_a_correction_elsewhere_leaves_what_it_makes_doubtful() -> None:
    """Beside a slice where it is brighter and larger, the rest may look like another object."""
    phantom = Phantom(labels_of(ellipsoid((5, 24, 28), (12.4, 11, 13))))
    inside = phantom.labels > 0
    phantom.pixels[6:][inside[6:]] -= 90
    first = settled(run(phantom, {1: Known(phantom.given(1, 10))}, **RULES))[1]
    assert {11, 12, 13, 14} < set(first)
    present = {i: mask for i, mask in first.items() if i not in (5, 10)}
    given = {**phantom.given(1, 10), **phantom.given(1, 5)}
    assert max(run(phantom, {1: Known(given)}, **RULES).found[1]) == 10
    made = run(phantom, {1: Known(given, present=present)}, **RULES).found[1]
    assert all(made[index] is present[index] for index in (11, 12, 13, 14))


def test_the_thin_slice_is_blamed_for_what_grows_behind_it() -> None:
    waist = ellipsoid((4, 24, 28), (4.4, 11, 13)) | ellipsoid((15, 24, 28), (4.4, 11, 13))
    for index, radius in ((8, 7), (9, 5), (10, 6), (11, 8)):
        waist[index] |= np.hypot(*np.ogrid[-24:24, -28:28]) <= radius
    phantom = Phantom(labels_of(waist))
    # The network takes what lies behind the waist for another object: the rules alone.
    made = run(phantom, {1: Known(phantom.given(1, 4))}, **RULES).found[1]
    assert {9, 13} < set(made)
    assert made[9].reason == "it is thin here and grows again behind"
    assert made[9].doubt > max(made[8].doubt, made[7].doubt)


def test_an_empty_correction_ends_the_object_there(one: Phantom) -> None:
    first = settled(run(one, {1: Known(one.given(1, 10))}))[1]
    present = {i: mask for i, mask in first.items() if mask.origin != GIVEN}
    made = run(one, {1: Known(one.given(1, 10), frozenset({13}), present)}).found[1]
    assert max(made) == 12
    assert min(made) == min(first)


def test_doubt_and_reasons(one: Phantom) -> None:
    made = settled(run(one, {1: Known(one.given(1, 10))}))[1]
    assert made[10].doubt == 0
    assert made[10].reason == ""
    assert 0 < made[11].doubt < made[max(made)].doubt <= 1
    assert "may go on" in made[max(made)].reason


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"axis": 3}, ImageError),
        ({"spacing": (0, 1, 1)}, ImageError),
        ({"spacing": (1, 1)}, ImageError),
        ({"spacing": (np.nan, 1, 1)}, ImageError),
    ],
)
def test_slices_that_are_none(one: Phantom, options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        one.slices(**options)


def test_a_plane_of_another_axis_is_no_slice(one: Phantom) -> None:
    with pytest.raises(PromptError, match="axis 0"):
        one.slices().index_of(one.slices(1).plane(3))


def test_a_single_slice_and_thin_axes() -> None:
    flat = Phantom(ellipsoid((0, 24, 28), (3, 9, 9))[:1].astype(np.int32))
    assert sorted(run(flat, {1: Known(flat.given(1, 0))}).found[1]) == [0]
    thin = Phantom(ellipsoid((10, 24, 28), (6, 9, 9))[:, 24:25].astype(np.int32))
    assert len(run(thin, {1: Known(thin.given(1, 10))}).found[1]) > 3


@pytest.fixture
def stacked() -> Phantom:
    """Two alike, one right above the other, slices 2 to 8 and 9 to 17."""
    first, second = ellipsoid((5, 24, 28), (3.6, 11, 13)), ellipsoid((13, 25, 27), (4.2, 11, 12))
    both = Phantom(labels_of(first, second))
    blurred = gaussian_filter(both.pixels.astype(float), (1.2, 0.7, 0.7))
    both.pixels = blurred.astype(np.uint8)
    return both


def test_another_object_behind_a_dim_slice_is_not_taken(stacked: Phantom) -> None:
    options = {"appearance": 0.0, "stop": 0.95}  # no rule ends it
    blind = run(stacked, {1: Known(stacked.given(1, 5))}, lookahead=0.0, **options)
    assert max(blind.found[1]) == 10
    made = run(stacked, {1: Known(stacked.given(1, 5))}, **options)
    assert max(made.found[1]) == 8
    assert dice(made.found[1], stacked.labels == 1) > 0.95


def test_nothing_ends_it_where_it_is_to_go_on(stacked: Phantom) -> None:
    made = run(stacked, {1: Known(stacked.given(1, 5))}, stop=1.0)
    assert max(made.found[1]) == 19


def test_the_network_is_asked_only_if_it_counts(
    one: Phantom, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[int], int, int]] = []

    def counted(pixels_of: object, masks: dict[int, np.ndarray], *where: int) -> Ahead:
        asked.append((sorted(masks), where[0], where[1]))
        return look_ahead(pixels_of, masks, *where)  # type: ignore[arg-type]

    monkeypatch.setattr(volume_ahead, "look_ahead", counted)
    run(one, {1: Known(one.given(1, 10))}, lookahead=0.0)
    assert asked == []
    run(one, {1: Known(one.given(1, 10))})
    assert asked == [([10], 10, 1), ([10], 10, -1)]
    asked.clear()
    run(one, {1: Known(one.given(1, 8, 9, 10))}, span=(8, 14))
    assert asked == [([8, 9, 10], 10, 1)]


def test_a_long_object_is_looked_for_again_from_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, cols = np.indices((48, 56))
    labels = np.repeat((np.hypot(rows - 24, cols - 28) <= 9)[None], 40, 0).astype(np.int32)
    phantom = Phantom(labels)
    asked: list[tuple[list[int], int]] = []

    def counted(pixels_of: object, masks: dict[int, np.ndarray], *where: int) -> Ahead:
        asked.append((sorted(masks), where[0]))
        return look_ahead(pixels_of, masks, *where)  # type: ignore[arg-type]

    monkeypatch.setattr(volume_ahead, "look_ahead", counted)
    made = run(phantom, {1: Known(phantom.given(1, 2))}, span=(2, 40))
    assert asked == [([2], 2), ([13, 14, 15], 15), ([26, 27, 28], 28)]
    assert max(made.found[1]) == 39
    assert dice(made.found[1], labels == 1) > 0.9


def test_slices_ahead_of_several_objects_are_read_once(touching: Phantom) -> None:
    read: list[int] = []
    slices = touching.slices()

    def noted(plane: Plane) -> np.ndarray:
        read.append(plane.index or 0)
        return slices.pixels_of(plane)

    known = {n: Known(touching.given(n, 10)) for n in (1, 2, 3)}
    run(touching, known, slices=replace(slices, pixels_of=noted))
    assert max(np.bincount(read)) <= 2  # once each way
