"""One prompt, one object: picked, taken back, and decoded no more often than need be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.session.conftest import SHAPE
from tests.session.fake_predictor import FakePredictor, disk

from napari_samara.errors import SessionError
from napari_samara.prompts import PromptSet, box, point
from napari_samara.session import decoding_many
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor
    from napari_samara.session import Session

    Opener = Callable[..., Session]

PLACES = [(8, 8), (8, 30), (30, 8), (30, 30)]


def seeds(*places: tuple[int, int]) -> PromptSet:
    return PromptSet.from_objects({n: [point(*at)] for n, at in enumerate(places, start=1)})


@pytest.fixture
def four(session: Session) -> Session:
    """Four candidates with scores 0.50, 0.51, 0.52 and 0.53."""
    session.many(seeds(*PLACES), undoable=True)
    return session


def test_one_more_prompt_is_decoded_alone(four: Session, fake: FakePredictor) -> None:
    assert fake.decoded == [4]
    before = four.batch
    found = four.many(seeds(*PLACES, (20, 50)), undoable=True)
    assert fake.decoded == [4, 1]
    assert [one.object_id for one in found] == [1, 2, 3, 4, 5]
    assert all(np.array_equal(a.crop, b.crop) for a, b in zip(before, found, strict=False))
    four.many(seeds(*PLACES[1:]), undoable=True)
    assert [one.object_id for one in four.batch] == [1, 2, 3]
    assert four.batch[0].prompts == PromptSet([point(*PLACES[1])])
    assert fake.decoded == [4, 1]


def test_prompts_are_undone_and_redone(four: Session, fake: FakePredictor) -> None:
    told: list[int] = []
    four.events.seeds.connect(lambda prompts: told.append(len(prompts)))
    four.many(seeds(*PLACES[:2]), undoable=True)
    four.undo()
    assert len(four.batch) == 4
    four.undo()
    assert four.batch == ()
    assert not four.can_undo
    four.redo()
    assert len(four.batch) == 4
    assert told == [2, 4, 0, 4]
    assert fake.decoded == [4]


def test_in_a_script_finding_is_no_step(session: Session) -> None:
    session.many(seeds(*PLACES))
    assert not session.can_undo
    session.accept_many([0])
    session.undo()
    assert not session.can_undo
    assert len(session.batch) == 4


def test_what_is_left_out_is_not_accepted_and_undo_brings_all_back(four: Session) -> None:
    told: list[tuple[int, ...]] = []
    four.events.batch.connect(lambda _: told.append(four.picked))
    assert four.picked == (0, 1, 2, 3)
    four.pick([0, 2, 3])
    assert told == [(0, 2, 3)]
    records = four.accept_many(klass="cell")
    assert [record.prompts for record in records] == [seeds_of(0), seeds_of(2), seeds_of(3)]
    assert {record.klass for record in records} == {"cell"}
    assert not (four.labels[disk(SHAPE, *PLACES[1])]).any()
    assert (four.batch, four.seeds) == ((), PromptSet())
    four.undo()
    assert not four.labels.any()
    assert len(four.batch) == 4
    assert four.picked == (0, 2, 3)
    four.undo()
    assert four.picked == (0, 1, 2, 3)
    four.redo()
    four.redo()
    assert sorted(four.objects) == [1, 2, 3]


def seeds_of(at: int) -> PromptSet:
    return PromptSet([point(*PLACES[at])])


def test_weak_ones_are_left_out_unless_picked_by_hand(four: Session) -> None:
    told: list[int] = []
    four.events.batch.connect(lambda found: told.append(len(found)))
    four.at_least = 0.515
    assert four.picked == (2, 3)
    four.at_least = 0.516  # changes nothing
    assert told == [4]
    four.pick([1, 2])  # a weak one in, a good one out
    for score, expected in [(0.0, (0, 1, 2)), (0.9, (1,)), (0.52, (1, 2))]:
        four.at_least = score
        assert four.picked == expected
    four.pick([])
    with pytest.raises(SessionError, match="all 4 candidates are left out"):
        four.accept_many()
    assert len(four.accept_many([0])) == 1


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_scores_that_are_none(four: Session, score: float) -> None:
    with pytest.raises(SessionError, match="between 0 and 1"):
        four.at_least = score


def test_picks_that_are_not_there(four: Session) -> None:
    with pytest.raises(SessionError, match="0 to 3, got"):
        four.pick([4])


def test_picks_stay_with_their_prompts(four: Session) -> None:
    four.pick([0, 1, 3])
    four.many(seeds((20, 50), *PLACES), undoable=True)
    assert four.picked == (0, 1, 2, 4)


def test_another_threshold_decodes_nothing(four: Session, fake: FakePredictor) -> None:
    four.many(PromptSet.from_objects({1: [point(8, 8)], 2: [box(20, 20, 40, 44)]}))
    areas = [one.area for one in four.batch]
    asked = list(fake.decoded)
    four.settings = PredictSettings(mask_threshold=2.0)
    assert fake.decoded == asked
    assert fake.remade == 2
    assert all(one.area < area for one, area in zip(four.batch, areas, strict=True))
    assert {one.part.settings for one in four.batch} == {four.settings}
    four.settings = PredictSettings()
    assert [one.area for one in four.batch] == areas


def test_logits_beyond_the_memory_are_decoded_again(
    session: Session, fake: FakePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_many, "KEPT_LOGITS", 2 * 4 * SHAPE[0] * SHAPE[1])
    session.many(seeds(*PLACES))
    assert [one.logits is not None for one in session.batch] == [True, True, False, False]
    session.settings = PredictSettings(mask_threshold=2.0)
    assert fake.decoded == [4, 2]
    assert fake.remade == 2


SETTINGS = [
    {"mask_threshold": 0.04},
    {"mask_threshold": -0.05, "keep_largest": True},
    {"fill_holes": True},
]


@pytest.mark.parametrize("change", SETTINGS)
def test_masks_of_a_model_are_those_of_a_fresh_decoding(
    disks: Disks, predictor: Predictor, open_: Opener, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = PredictSettings(**change)
    prompts = PromptSet.from_objects({1: [point(30, 40)], 2: [box(60, 60, 90, 100)]})
    fresh = open_(disks.image, predictor=predictor, settings=settings)
    fresh.many(prompts)
    fresh.add(point(30, 40))
    session = open_(disks.image, predictor=predictor)
    session.many(prompts)
    session.add(point(30, 40))
    monkeypatch.setattr(predictor.model, "decode", None)
    session.settings = settings
    for one, two in zip(session.candidates, fresh.candidates, strict=True):
        assert np.array_equal(one.data, two.data)
        assert one.score == two.score
    for got, expected in zip(session.batch, fresh.batch, strict=True):
        assert got.box == expected.box
        assert np.array_equal(got.crop, expected.crop)
        assert got.score == expected.score


def test_an_error_is_forgotten_when_asked_again(session: Session, fake: FakePredictor) -> None:
    fake.error = RuntimeError("no memory")
    with pytest.raises(RuntimeError, match="no memory"):
        session.many(seeds(*PLACES))
    assert session.batch == ()
    fake.error = None
    assert len(session.many(seeds(*PLACES))) == 4


def test_an_open_object_is_left_alone(session: Session) -> None:
    session.add(point(20, 50))
    session.many(seeds(*PLACES))
    session.accept()
    assert len(session.batch) == 4
    session.clear()
    session.reopen(1)
    assert len(session.accept_many()) == 4
    assert session.open_label == 1


def test_pixels(four: Session) -> None:
    one = four.batch[1]
    assert [one.covers(*at) for at in [(8, 30), (8, 8), (-1, 30), (8, 37)]] == [
        True,
        False,
        False,
        False,
    ]
