"""Objects of a session followed through a volume: one step, durable, correctable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.engine.phantom import SHAPE, ellipsoid
from tests.session.fake_predictor import FakePredictor

from napari_samara.embedding import Embedding
from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.errors import ImageError, SessionError
from napari_samara.geometry import Frame
from napari_samara.masks import Mask
from napari_samara.prompts import box, point
from napari_samara.session import LabelEdit, Session, ThreadRunner, recover, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_samara.session.propagated import Propagated

ONE, TWO = ellipsoid((10, 16, 18), (6.4, 9, 10)), ellipsoid((9, 32, 36), (5.4, 9, 10))


class Seer(FakePredictor):
    """Sees what is bright inside of a box."""

    def embed_rgb(self, rgb: np.ndarray, contrast: Any, plane: Any = "") -> Embedding:
        made = super().embed_rgb(rgb, contrast, plane)
        features = {"image_embeddings": rgb[None, ..., 0].astype(np.float32)}
        return Embedding(features, Frame(*rgb.shape[:2], 64), made.key)

    def predict(self, embedding: Embedding, *args: Any, **kwargs: Any) -> list[Mask]:
        given = kwargs.get("box")
        if given is None:
            return super().predict(embedding, *args, **kwargs)
        return [bright(embedding, given)]


def bright(embedding: Embedding, given: Any) -> Mask:
    inside = np.zeros(embedding.image.shape[1:], bool)
    row0, col0, row1, col1 = (round(value) for value in given)
    inside[row0:row1, col0:col1] = True
    data = inside & (embedding.image[0] > 110)
    return Mask(data if data.any() else inside, 0.9, np.where(data, 5, -5).astype(np.float32))


@pytest.fixture(autouse=True)
def _decode(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoder(predictor: Any, settings: Any) -> Any:
        return lambda embedding, prompts: [bright(embedding, one.box) for one in prompts]

    monkeypatch.setattr("napari_samara.session.propagation.decoder_of", decoder)


@pytest.fixture
def volume() -> np.ndarray:
    noise = np.random.default_rng(0).normal(40, 6, SHAPE)
    return (noise + 140 * (ONE | TWO)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def session(volume: np.ndarray, tmp_path: Path) -> Iterator[Session]:
    made = Session(volume, Seer(), journal=tmp_path / "journal")
    made.set_plane(made.plane.at(10))
    yield made
    made.close()


def dice(labels: np.ndarray, label: int, truth: np.ndarray) -> float:
    mine = labels == label
    return float(2 * (mine & truth).sum() / (mine.sum() + truth.sum()))


def test_the_open_object_is_one_step(session: Session) -> None:
    session.add(box(7, 8, 26, 29, index=10))
    propagated = session.propagate()
    assert propagated.landed == (1,)
    assert dice(session.labels, 1, ONE) > 0.9
    assert len(session.prompts) == 0
    record = session.objects[1]
    assert record.area == (session.labels == 1).sum()
    assert len(record.parts) > 9
    assert [part.plane.index for part in record.parts if part.doubt is None] == [10]
    assert session.undo()
    assert not session.labels.any()
    assert len(session.prompts) == 1
    assert not session.objects
    assert session.redo()
    assert dice(session.labels, 1, ONE) > 0.9


def test_replay_is_identical(session: Session, tmp_path: Path) -> None:
    session.add(box(7, 8, 26, 29, index=10))
    session.propagate()
    session.save(tmp_path / "s.samara.json")
    assert np.array_equal(replay(tmp_path / "s.samara.json"), session.labels)
    saved = recover(tmp_path / "journal")
    assert saved is not None
    labels = saved.labels_before()
    changes = saved.replayed(labels)
    assert np.array_equal(labels, session.labels)
    assert changes[-1].records[0][1] == session.objects[1]


def test_many_at_once_and_flags(session: Session) -> None:
    for corners in ((7, 8, 26, 29), (23, 26, 42, 47)):
        session.add(box(*corners, index=10))
        session.accept()
    assert session.propagate([1, 2]).landed == (1, 2)
    assert dice(session.labels, 1, ONE) > 0.9
    assert dice(session.labels, 2, TWO) > 0.9
    stakes = [flag.at_stake for flag in session.flags]
    assert stakes == sorted(stakes, reverse=True)
    assert all(0 <= flag.at_stake <= flag.doubt <= 1 for flag in session.flags)
    assert {flag.object_id for flag in session.flags} == {1, 2}
    assert any(flag.reason for flag in session.flags)
    session.undo()
    assert set(np.unique(np.flatnonzero(session.labels.any((1, 2))))) == {10}


def test_accepted_labels_are_never_written_over(volume: np.ndarray) -> None:
    there = np.zeros(SHAPE, np.int32)
    there[6:9, 10:16, 10:20] = 7
    session = Session(volume, Seer(), labels=there.copy())
    session.mode = "overwrite"
    session.add(box(7, 8, 26, 29, index=10))
    session.propagate(z_range=(5, 14), axis=0)
    assert np.array_equal(session.labels == 7, there == 7)
    assert set(range(7, 14)) <= set((session.labels == 8).any((1, 2)).nonzero()[0].tolist())


def test_a_corrected_slice_is_respected(session: Session) -> None:
    session.add(box(7, 8, 26, 29, index=10))
    session.propagate()
    before = session.labels.copy()
    plane = session.plane.at(13)
    row0, col0, row1, col1 = corners = (0, 0, 48, 18)  # the left half is taken away by hand
    old = plane.extract(session.labels)[row0:row1, col0:col1].copy()
    session.painted(LabelEdit(plane, corners, old, np.zeros_like(old)))
    parts = {part.plane.index: part for part in session.objects[1].parts}
    assert parts[13].doubt is None
    assert parts[12].doubt is not None
    corrected = session.labels[13].copy()
    session.propagate([1])
    assert np.array_equal(session.labels[13], corrected)
    assert np.array_equal(session.labels[:11], before[:11])
    assert not np.array_equal(session.labels[14], before[14])
    session.undo()
    assert np.array_equal(session.labels[14], before[14])


def test_reopening_keeps_what_was_followed(session: Session) -> None:
    session.add(box(7, 8, 26, 29, index=10))
    session.propagate()
    before = session.labels.copy()
    session.reopen(1)
    session.add(point(10, 16, 18))
    session.accept()
    assert np.array_equal(session.labels[11:], before[11:])
    session.reopen(1)
    session.add(point(14, 2, 2, positive=False))
    session.propagate()
    assert not (session.labels[14:] == 1).any()
    assert np.array_equal(session.labels[:10], before[:10])


def test_cancel_keeps_finished_slices(session: Session) -> None:
    session.add(box(7, 8, 26, 29, index=10))
    seen: list[int] = []

    @session.events.propagated.connect
    def watch(propagated: Any) -> None:
        seen.append(propagated.done)
        if len(seen) == 2:
            session.stop_propagation()

    session.propagate()
    assert np.flatnonzero(session.labels.any((1, 2))).tolist() == [10, 11, 12]
    session.undo()
    assert not session.labels.any()


def test_in_a_worker(volume: np.ndarray) -> None:
    session = Session(volume, Seer(), runner=ThreadRunner())
    session.set_plane(session.plane.at(10))
    session.add(box(7, 8, 26, 29, index=10))
    propagated = session.propagate()
    with pytest.raises(SessionError, match="already"):
        session.propagate()
    while not propagated.ended:
        assert session.wait(30)
    session.wait(30)
    assert dice(session.labels, 1, ONE) > 0.9
    session.close()


def test_its_end_is_told_once_the_labels_have_it(volume: np.ndarray, tmp_path: Path) -> None:
    """The journal is written by a thread of its own, and comes first."""
    session = Session(volume, Seer(), runner=ThreadRunner(), journal=tmp_path / "threaded")
    session.set_plane(session.plane.at(10))
    session.add(box(7, 8, 26, 29, index=10))
    told: list[float] = []

    def on_told(run: Propagated) -> None:
        if run.ended:
            told.append(dice(session.labels, 1, ONE))

    session.events.propagated.connect(on_told)
    propagated = session.propagate()
    while not propagated.ended:
        assert session.wait(30)
    assert len(told) == 1
    assert told[0] > 0.9
    session.close()


@pytest.mark.parametrize("axis", [1, 2])
def test_along_another_axis(session: Session, axis: int) -> None:
    middle = (10, 16, 18)[axis]
    corners = {1: (4, 8, 17, 29), 2: (4, 7, 17, 26)}[axis]
    session.add(box(*corners, axis=axis, index=middle))
    session.propagate(axis=axis)
    assert dice(session.labels, 1, ONE) > 0.85


def test_what_cannot_be_followed(session: Session, open_: Callable[..., Session]) -> None:
    with pytest.raises(SessionError, match="no mask"):
        session.propagate()
    with pytest.raises(SessionError, match="no object 3"):
        session.propagate([3])
    session.add(box(7, 8, 26, 29, index=10))
    with pytest.raises(SessionError, match="axis 1"):
        session.propagate(axis=1)
    with pytest.raises(ImageError, match="z_range"):
        session.propagate(z_range=(4, 40))
    with pytest.raises(ImageError, match="spacing"):
        session.propagate(spacing=(0, 1, 1))
    flat = open_(np.zeros((48, 56), np.uint8), predictor=Seer())
    flat.add(box(7, 8, 26, 29))
    with pytest.raises(SessionError, match="2D"):
        flat.propagate()


def test_interpolation_needs_no_model(session: Session) -> None:
    for index, corners in ((6, (10, 12, 22, 25)), (13, (8, 9, 25, 28))):
        session.add(box(*corners, index=index))
    session.propagate(settings=PropagateSettings(method="interpolate"))
    assert np.flatnonzero(session.labels.any((1, 2))).tolist() == list(range(6, 14))


def test_along_a_chosen_axis_of_four(volume: np.ndarray) -> None:
    film = np.stack([volume * 0 + 40, volume, volume * 0 + 40], axis=1)  # (z, t, y, x)
    session = Session(film, Seer())
    session.set_plane(session.plane.at(10, 0).at(1, 1))
    session.add(box(7, 8, 26, 29, axis=(0, 1), index=(10, 1)))
    session.propagate(axis=0)
    assert dice(session.labels[:, 1], 1, ONE) > 0.9
    assert not session.labels[:, [0, 2]].any()
