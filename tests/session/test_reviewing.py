"""Doubtful slices: listed, said yes to, and left alone from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.engine.phantom import SHAPE, ellipsoid
from tests.session.test_propagation import Seer, bright

from napari_samara.errors import SessionError
from napari_samara.planes import Plane
from napari_samara.prompts import box
from napari_samara.session import Session, recover, replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE = ellipsoid((10, 16, 18), (6.4, 9, 10))


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """With one object that was followed from slice 10."""
    monkeypatch.setattr(
        "napari_samara.session.propagation.decoder_of",
        lambda *_: lambda embedding, prompts: [bright(embedding, one.box) for one in prompts],
    )
    noise = np.random.default_rng(0).normal(40, 6, SHAPE)
    volume = (noise + 140 * ONE).clip(0, 255).astype(np.uint8)
    made = Session(volume, Seer(), journal=tmp_path / "journal")
    made.set_plane(made.plane.at(10))
    made.add(box(7, 8, 26, 29, index=10))
    made.propagate()
    yield made
    made.close()


def indices(session: Session) -> set[Any]:
    return {one.plane.index for one in session.doubts}


def test_doubts_are_the_flags_with_their_planes(session: Session) -> None:
    doubts = session.doubts
    assert [(one.label, one.plane.index, one.doubt, one.reason) for one in doubts] == [
        (flag.object_id, flag.index, flag.doubt, flag.reason) for flag in session.flags
    ]
    assert {one.plane.axis for one in doubts} == {0}


def test_a_confirmed_slice_is_off_the_list_until_undo(session: Session) -> None:
    worst = session.doubts[0]
    before = session.labels.copy()
    record = session.confirm(1, worst.plane)
    assert record == session.objects[1]
    assert worst not in session.doubts
    assert len(session.doubts) > 3
    assert np.array_equal(session.labels, before)
    assert session.undo()
    assert session.doubts[0] == worst
    session.redo()
    assert worst not in session.doubts


def test_a_confirmed_slice_is_one_to_start_from(session: Session) -> None:
    plane = next(one.plane for one in session.doubts if one.plane.index == 13)
    session.confirm(1, Plane(plane.displayed[::-1], plane.fixed))
    before = session.labels[13].copy()
    session.propagate([1])
    assert np.array_equal(session.labels[13], before)
    assert 13 not in indices(session)
    assert {12, 14} <= indices(session)


def test_it_is_kept_on_the_disk(session: Session, tmp_path: Path) -> None:
    session.confirm(1, session.doubts[0].plane)
    session.save(tmp_path / "s.samara.json")
    assert np.array_equal(replay(tmp_path / "s.samara.json"), session.labels)
    saved = recover(tmp_path / "journal")
    assert saved is not None
    assert saved.objects()[1] == session.objects[1].to_dict()


def test_what_cannot_be_confirmed(session: Session) -> None:
    plane = session.doubts[0].plane
    with pytest.raises(SessionError, match="object 2 has no doubtful slice"):
        session.confirm(2, plane)
    with pytest.raises(SessionError, match=r"\{0: 10\}"):
        session.confirm(1, plane.at(10))
