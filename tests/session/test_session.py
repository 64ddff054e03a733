"""The verbs of a session, each with its undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.session.conftest import SHAPE
from tests.session.fake_predictor import FakePredictor, disk

from napari_samara.errors import ImageError, OutOfMemoryError, PromptError, SessionError
from napari_samara.intensity import Contrast
from napari_samara.prompts import PromptSet, box, mask, point, polygon, scribble
from napari_samara.session import LabelEdit, Session
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor

    Opener = Callable[..., Session]


def accepted(session: Session, *at: tuple[float, float], klass: str | None = None) -> int:
    """Label of a new object around each point in turn; the last one's."""
    label = 0
    for row, col in at:
        session.add(point(row, col))
        label = session.accept(klass=klass).label
    return label


def snapshot(session: Session) -> tuple[Any, ...]:
    """All that a user sees."""
    masks = [found.data.tobytes() for found in session.candidates]
    objects = dict(session.objects)
    return (
        session.labels.tobytes(),
        session.prompts,
        masks,
        session.choice,
        objects,
        session.open_label,
    )


def test_loop_with_a_model(disks: Disks, predictor: Predictor) -> None:
    session = Session(disks.image, predictor)
    session.add(point(40, 60))
    assert len(session.candidates) == 3
    session.cycle()
    chosen = session.candidate
    assert chosen is not None
    record = session.accept(klass="cell")
    assert (record.label, record.choice, record.klass) == (1, 1, "cell")
    assert np.array_equal(session.labels == 1, chosen.data)
    assert record.area == chosen.area
    assert record.box == chosen.box
    assert record.scores == tuple(sorted(record.scores, reverse=True))
    assert session.undo()
    assert not session.labels.any()
    assert session.redo()
    assert np.array_equal(session.labels == 1, chosen.data)


def test_candidates_follow_the_prompts(session: Session) -> None:
    told: list[tuple[int, int]] = []
    session.events.candidates.connect(lambda masks, choice: told.append((len(masks), choice)))
    session.add(point(20, 20))
    session.add(point(20, 24, positive=False))
    assert len(session.candidates) == 1
    session.replace(1, point(20, 26, positive=False))
    session.remove(1)
    assert len(session.candidates) == 3
    assert session.candidate is not None
    assert np.array_equal(session.candidate.data, disk(SHAPE, 20, 20))
    session.clear()
    assert session.candidates == ()
    assert session.candidate is None
    assert told[-1] == (0, 0)
    assert (3, 0) in told
    assert (1, 0) in told


def test_equal_prompts_are_not_decoded_again(session: Session, fake: FakePredictor) -> None:
    given = PromptSet([point(20, 20), box(5, 5, 30, 30)])
    session.set_prompts(given)
    before = list(fake.decoded)
    session.set_prompts(PromptSet(list(given)))
    assert fake.decoded == before
    assert session.undo()
    assert not session.can_undo


def test_only_negative_prompts_give_nothing(session: Session, fake: FakePredictor) -> None:
    session.add(point(20, 20))
    session.replace(0, point(20, 20, positive=False))
    assert session.candidates == ()
    with pytest.raises(SessionError, match="positive prompt"):
        session.accept()


@pytest.mark.parametrize(
    "prompt",
    [
        point(90, 5),
        box(100, 100, 120, 120),
        point(1, 2, 3),
        scribble([(200, 200), (210, 210)]),
        polygon([(90, 90), (99, 90), (99, 99)]),
        mask(np.ones((5, 5))),
        box(1, 1, 4, 4, axis=0, index=2),
    ],
    ids=lambda prompt: prompt.kind,
)
def test_prompts_outside_change_nothing(session: Session, prompt: Any) -> None:
    session.add(point(20, 20))
    before = snapshot(session)
    with pytest.raises(PromptError):
        session.add(prompt)
    assert snapshot(session) == before


@pytest.mark.parametrize(
    "step",
    [
        lambda s: s.add(box(3, 3, 20, 20)),
        lambda s: s.remove(0),
        lambda s: s.replace(0, point(30, 30)),
        lambda s: s.set_prompts(PromptSet([point(9, 9)])),
        lambda s: s.clear(),
        lambda s: s.choose(2),
        lambda s: s.accept(klass="b"),
        lambda s: s.delete(1),
        lambda s: s.merge(1, 2),
        lambda s: s.set_class(1, "c"),
        lambda s: s.reopen(2),
        lambda s: s.next_object(),
        lambda s: (s.reopen(1), s.add(point(10, 16)), s.accept()),
        lambda s: (
            s.many(PromptSet.from_objects({1: [point(5, 5)], 2: [point(40, 9)]})),
            s.accept_many(),
        ),
    ],
    ids=[
        "add",
        "remove",
        "move",
        "set",
        "clear",
        "choose",
        "accept",
        "delete",
        "merge",
        "class",
        "reopen",
        "next",
        "replace",
        "many",
    ],
)
def test_every_step_is_undone_and_redone(session: Session, step: Callable[[Session], Any]) -> None:
    accepted(session, (10, 10), (10, 40))
    session.add(point(30, 20))
    states = [snapshot(session)]
    count = 0
    session.events.all.connect(lambda *_: None)
    step(session)
    after = snapshot(session)
    assert after != states[0]
    while snapshot(session) != states[0]:
        assert session.undo()
        count += 1
        assert count < 5
    for _ in range(count):
        assert session.redo()
    assert snapshot(session) == after
    assert not session.can_redo
    while session.undo():
        pass
    assert not session.labels.any()
    assert not session.objects
    assert not session.can_undo
    while session.redo():
        pass
    assert snapshot(session) == after


def test_a_new_step_forgets_what_was_undone(session: Session) -> None:
    accepted(session, (10, 10))
    session.undo()
    session.add(point(40, 40))
    assert not session.can_redo
    assert not session.redo()


def test_edits_tell_what_changed(session: Session) -> None:
    shadow = np.zeros(SHAPE, np.int32)
    session.events.edited.connect(lambda edit: edit.apply(shadow))
    accepted(session, (10, 10), (12, 14), (30, 30))
    session.delete(1)
    session.merge(2, 3)
    for _ in range(4):
        session.undo()
    session.redo()
    assert np.array_equal(shadow, session.labels)


@pytest.mark.parametrize(
    ("mode", "expected"), [("keep", 7), ("overwrite", 1), ("overwrite-unaccepted", 1)]
)
def test_modes_on_labels_that_were_there(
    open_: Opener, image: np.ndarray, mode: str, expected: int
) -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[20, 20] = 7
    session = open_(image, labels=labels)
    session.mode = mode
    session.add(point(20, 20))
    record = session.accept(label=1)
    assert session.labels is labels
    assert labels[20, 20] == expected
    assert (
        record.area
        == np.count_nonzero(labels == 1)
        == np.count_nonzero(disk(SHAPE, 20, 20)) - (expected == 7)
    )
    assert not labels[~disk(SHAPE, 20, 20)].any()


def test_unaccepted_labels_are_those_without_a_record(open_: Opener, image: np.ndarray) -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[:, 20:] = 50
    session = open_(image, labels=labels)
    session.mode = "overwrite-unaccepted"
    accepted(session, (20, 20), (20, 25))
    first, second = disk(SHAPE, 20, 20), disk(SHAPE, 20, 25)
    assert np.array_equal(labels == 51, first)
    assert np.array_equal(labels == 52, second & ~first)


def test_unknown_mode(session: Session) -> None:
    with pytest.raises(SessionError, match="keep, overwrite"):
        session.mode = "erase"


def test_overwritten_objects_lose_area_and_go_with_their_last_pixel(session: Session) -> None:
    session.mode = "overwrite"
    session.add(point(20, 20))
    session.choose(1)
    session.accept()  # radius 3
    accepted(session, (20, 24))  # radius 6 takes a part of it
    assert session.objects[1].area == np.count_nonzero(session.labels == 1)
    accepted(session, (20, 20))
    assert 1 not in session.objects
    session.undo()
    session.undo()
    session.undo()
    session.undo()
    assert session.objects[1].area == np.count_nonzero(disk(SHAPE, 20, 20, 3))


def test_a_mask_without_room_is_not_accepted(session: Session) -> None:
    accepted(session, (20, 20))
    session.add(point(20, 20))
    before = snapshot(session)
    with pytest.raises(SessionError, match="overwrite"):
        session.accept()
    assert snapshot(session) == before


def test_labels_count_on_above_what_is_there(open_: Opener, image: np.ndarray) -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 0] = 41
    session = open_(image, labels=labels)
    assert accepted(session, (20, 20)) == 42
    assert accepted(session, (20, 50)) == 43
    session.delete(43)
    session.add(point(40, 40))
    assert session.accept(label=100).label == 100
    assert accepted(session, (40, 10)) == 101
    session.painted(
        LabelEdit(session.plane, (0, 60, 1, 61), np.zeros((1, 1)), np.full((1, 1), 300))
    )
    assert accepted(session, (5, 30)) == 301


@pytest.mark.parametrize("wanted", [0, -3, True, 2.5, 256])
def test_labels_that_cannot_be(open_: Opener, image: np.ndarray, wanted: Any) -> None:
    session = open_(image, labels=np.zeros(SHAPE, np.uint8))
    session.add(point(20, 20))
    with pytest.raises(SessionError, match="label"):
        session.accept(label=wanted)


def test_full_labels_say_what_to_do(open_: Opener, image: np.ndarray) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 0] = 254
    session = open_(image, labels=labels)
    assert accepted(session, (20, 20)) == 255
    session.add(point(20, 50))
    with pytest.raises(SessionError, match="astype"):
        session.accept()
    session.labels = labels.astype("int32")
    assert session.accept().label == 256
    while session.undo():
        pass
    assert np.array_equal(session.labels, np.where(labels == 254, 254, 0))


def test_a_taken_label_is_refused(session: Session) -> None:
    accepted(session, (10, 10))
    session.add(point(40, 40))
    with pytest.raises(SessionError, match="reopen"):
        session.accept(label=1)


def test_reopen_brings_prompts_and_choice_back(session: Session) -> None:
    session.add(point(20, 20))
    session.choose(2)
    session.accept(klass="cell")
    other = accepted(session, (40, 50))
    session.reopen(1)
    assert session.prompts == PromptSet([point(20, 20)])
    assert session.choice == 2
    assert session.open_label == 1
    assert np.array_equal(session.labels == 1, disk(SHAPE, 20, 20, 9))
    session.choose(1)
    record = session.accept()
    assert (record.label, record.klass) == (1, "cell")
    assert np.array_equal(session.labels == 1, disk(SHAPE, 20, 20, 3))
    assert np.array_equal(session.labels == other, disk(SHAPE, 40, 50))
    assert session.open_label is None
    assert record.area == np.count_nonzero(session.labels == 1)


def test_reopened_and_moved_leaves_no_pixel_behind(session: Session) -> None:
    accepted(session, (10, 10))
    session.reopen(1)
    session.replace(0, point(30, 40))
    session.accept()
    assert np.array_equal(session.labels == 1, disk(SHAPE, 30, 40))
    assert session.objects[1].box == (24, 34, 37, 47)


def test_reopened_cannot_become_another(session: Session) -> None:
    accepted(session, (10, 10))
    session.reopen(1)
    with pytest.raises(SessionError, match="open again"):
        session.accept(label=4)


def test_a_label_without_prompts_becomes_a_mask_prompt(open_: Opener, image: np.ndarray) -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[10:20, 10:30] = 9
    session = open_(image, labels=labels)
    session.reopen(9)
    assert [prompt.kind for prompt in session.prompts] == ["mask"]
    session.add(point(15, 28, positive=False))
    record = session.accept()
    assert record.label == 9
    assert labels[15, 28] == 0
    assert record.area == np.count_nonzero(labels == 9)


@pytest.mark.parametrize("verb", ["reopen", "delete"])
def test_objects_that_are_not_there(session: Session, verb: str) -> None:
    with pytest.raises(SessionError, match="no object 5"):
        getattr(session, verb)(5)


def test_merge(session: Session) -> None:
    accepted(session, (10, 10))
    accepted(session, (40, 40), klass="b")
    area = session.objects[1].area + session.objects[2].area
    record = session.merge(1, 2)
    assert set(session.objects) == {1}
    assert record.area == area == np.count_nonzero(session.labels == 1)
    assert list(record.prompts) == [point(10, 10), point(40, 40)]
    assert record.klass == "b"
    assert record.box == (4, 4, 47, 47)


@pytest.mark.parametrize(("keep", "other"), [(1, 1), (1, 9), (9, 1)])
def test_merge_of_what_cannot_be(session: Session, keep: int, other: int) -> None:
    accepted(session, (10, 10))
    before = snapshot(session)
    with pytest.raises(SessionError):
        session.merge(keep, other)
    assert snapshot(session) == before


def test_next_object_goes_round(session: Session) -> None:
    assert session.next_object() is None
    accepted(session, (10, 10), (10, 40), (40, 10))
    seen = [record.label for _ in range(4) if (record := session.next_object())]
    assert seen == [1, 2, 3, 1]
    seen = [record.label for _ in range(2) if (record := session.next_object(-1))]
    assert seen == [3, 2]
    session.delete(2)
    assert session.next_object().label == 3


MANY = PromptSet.from_objects(
    {
        4: [point(10, 10)],
        2: [box(20, 20, 30, 40)],
        9: [point(12, 14)],
        7: [point(40, 40), point(40, 44, positive=False)],
        8: [point(5, 5, positive=False)],
    }
)


def test_many(session: Session, fake: FakePredictor) -> None:
    told: list[int] = []
    session.events.batch.connect(lambda found: told.append(len(found)))
    found = session.many(MANY)
    assert [candidate.object_id for candidate in found] == [4, 2, 9, 7]
    assert sorted(fake.decoded) == [1, 2, 2]  # two points at once, one box, one by itself
    assert found[1].crop.all()
    assert found[1].area == 200
    records = session.accept_many()
    assert [record.label for record in records] == [1, 2, 3, 4]
    # Points 4 and 9 overlap: 9 has the better score.
    assert np.array_equal(session.labels == 3, disk(SHAPE, 12, 14))
    assert np.array_equal(session.labels == 1, disk(SHAPE, 10, 10) & ~disk(SHAPE, 12, 14))
    for record in records:
        assert record.area == np.count_nonzero(session.labels == record.label)
    assert told == [4, 0]
    assert session.undo()
    assert not session.labels.any()
    assert not session.can_undo


def test_picks_of_many(session: Session) -> None:
    session.many(MANY)
    with pytest.raises(SessionError, match="0 to 3"):
        session.accept_many([7])
    records = session.accept_many([1, 1, 3])
    assert [record.prompts for record in records] == [
        PromptSet(MANY.objects[2]),
        PromptSet(MANY.objects[7]),
    ]
    assert session.batch == ()
    with pytest.raises(SessionError, match="many"):
        session.accept_many()


@pytest.mark.parametrize("mode", ["keep", "overwrite", "overwrite-unaccepted"])
def test_many_never_paint_over_each_other(session: Session, mode: str) -> None:
    session.mode = mode
    accepted(session, (10, 10))
    session.many(PromptSet.from_objects({n: [point(10 + n, 12 + 2 * n)] for n in range(1, 6)}))
    session.accept_many()
    best = disk(SHAPE, 15, 22)
    assert np.array_equal(session.labels == 6, best)
    if mode == "keep":
        assert np.array_equal(session.labels == 1, disk(SHAPE, 10, 10))


def test_painting_is_recorded(session: Session) -> None:
    accepted(session, (20, 20))
    edits: list[LabelEdit] = []
    session.events.edited.connect(edits.append)
    before = session.labels[15:17, 15:30].copy()
    session.labels[15:17, 15:30] = 5
    session.painted(LabelEdit(session.plane, (15, 15, 17, 30), before, np.full((2, 15), 5)))
    assert edits == []
    assert session.objects[5].area == 30
    assert len(session.objects[5].prompts) == 0
    assert session.objects[5].score is None
    assert session.objects[1].area == np.count_nonzero(session.labels == 1)
    session.undo()
    assert np.array_equal(session.labels == 1, disk(SHAPE, 20, 20))
    assert 5 not in session.objects
    assert len(edits) == 1
    session.redo()
    assert np.count_nonzero(session.labels == 5) == 30


def test_undo_leaves_paint_beside_it_alone(session: Session) -> None:
    accepted(session, (20, 20))
    session.labels[14, 14] = 99  # in the box of the object, painted and never told
    session.undo()
    assert session.labels[14, 14] == 99
    assert np.count_nonzero(session.labels) == 1


def test_a_changed_contrast_is_told_and_waits(session: Session, fake: FakePredictor) -> None:
    told: list[bool] = []
    session.events.stale.connect(told.append)
    session.add(point(20, 20))
    session.contrast = Contrast("minmax")
    assert session.stale
    session.add(point(22, 22))
    assert len(fake.encoded) == 1
    assert np.array_equal(session.encoder_input()[..., 0], session.image)
    session.encode()
    assert not session.stale
    assert len(fake.encoded) == 2
    assert told == [True, False]
    record = session.accept()
    assert record.parts[0].contrast == Contrast("minmax")
    session.contrast = Contrast()
    session.encode()
    assert len(fake.encoded) == 2  # that of before is in memory


@pytest.mark.parametrize("logits", [True, False])
def test_other_settings_take_the_logits_that_are_there(
    session: Session, fake: FakePredictor, logits: bool
) -> None:
    fake.with_logits = logits
    session.add(point(20, 20))
    before = session.candidates
    session.settings = PredictSettings(mask_threshold=1.0)
    assert len(fake.decoded) == (1 if logits else 2)
    assert len(fake.encoded) == 1
    after = session.candidates
    assert [one.score for one in after] == [one.score for one in before]
    if logits:
        assert all(a.area < b.area for a, b in zip(after, before, strict=True))
        session.settings = PredictSettings()
        for one, two in zip(session.candidates, before, strict=True):
            assert np.array_equal(one.data, two.data)
        session.settings = PredictSettings(mask_threshold=1.0)
    assert session.accept().parts[0].settings == PredictSettings(mask_threshold=1.0)
    session.add(point(40, 40))
    assert len(fake.decoded) == (2 if logits else 3)  # a new prompt is decoded


def test_classes(session: Session) -> None:
    accepted(session, (10, 10), (10, 40))
    states = [snapshot(session)]
    assert session.set_class(1, " nucleus ").klass == "nucleus"
    states.append(snapshot(session))
    session.set_class(1, "nucleus")  # as it is: no step
    assert session.set_class(1, "").klass is None
    assert snapshot(session) == states[0]
    session.undo()
    assert snapshot(session) == states[1]
    assert session.objects[1].klass == "nucleus"
    session.undo()
    session.redo()
    session.reopen(1)
    assert session.accept().klass == "nucleus"
    with pytest.raises(SessionError, match="no object 9"):
        session.set_class(9, "x")


@pytest.mark.parametrize("sha", ["ef" * 32, None])
def test_another_model_encodes_again(
    session: Session, fake: FakePredictor, sha: str | None
) -> None:
    session.add(point(20, 20))
    other = FakePredictor(sha)
    session.predictor = other
    assert len(other.encoded) == 1
    session.predictor = FakePredictor(sha)
    assert len(session.candidates) == 3
    session.predictor = fake
    # An embedding of before is found again only where the weights are known.
    assert len(fake.encoded) == (1 if sha else 2)


def test_an_error_leaves_the_session_usable(session: Session, fake: FakePredictor) -> None:
    fake.error = OutOfMemoryError("no memory for this image")
    with pytest.raises(OutOfMemoryError):
        session.add(point(20, 20))
    assert session.status.state == "failed"
    assert "no memory" in session.status.message
    fake.error = None
    session.add(point(22, 22))
    assert len(session.candidates) == 1
    assert session.status.state == "idle"


def test_choices_that_are_not_there(session: Session) -> None:
    session.cycle()
    with pytest.raises(SessionError, match="candidate 0"):
        session.choose(0)
    session.add(point(20, 20))
    with pytest.raises(SessionError, match="candidate 3"):
        session.choose(3)
    session.cycle(-1)
    assert session.choice == 2
    session.cycle()
    assert session.choice == 0


@pytest.mark.parametrize(
    ("image", "options"),
    [
        ([np.zeros((4, 4))], {}),
        (np.zeros((0, 4)), {}),
        (np.zeros(4), {}),
        (np.zeros((4, 3)), {"rgb": True}),
        (np.zeros((4, 4)), {"labels": np.zeros((4, 5), int)}),
        (np.zeros((4, 4)), {"labels": np.zeros((4, 4))}),
        (np.zeros((4, 4)), {"labels": np.broadcast_to(np.int32(0), (4, 4))}),
    ],
)
def test_images_and_labels_that_do_not_fit(
    open_: Opener, image: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(ImageError):
        open_(image, **options)


def test_rgb_and_one_pixel_labels(open_: Opener) -> None:
    session = open_(np.zeros((20, 30, 3), np.uint8), rgb=True)
    session.add(point(10, 10))
    assert session.accept().area == np.count_nonzero(disk((20, 30), 10, 10))
    assert session.labels.shape == (20, 30)
    assert session.labels.dtype == np.int32


def test_accepting_again_unchanged_and_at_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_samara.session.verbs.now", lambda: "2026-01-01T00:00:00.000+00:00")
    session.add(point(20, 20))
    first = session.accept()
    before = session.labels.copy()
    session.reopen(first.label)
    assert session.accept() == first
    assert np.array_equal(session.labels, before)
    assert len(session.prompts) == 0
    assert session.undo()
    assert len(session.prompts) == 1
