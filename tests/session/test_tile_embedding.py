"""Windows of a large plane encoded ahead of the prompts that need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.errors import CancelledError, ImageError, SessionError, StoreError
from napari_samara.prompts import point
from napari_samara.session import Session
from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor

SHAPE = (200, 260)


@pytest.fixture
def session(predictor: Predictor, tmp_path: Path) -> Iterator[Session]:
    """With a model input of 64 pixels."""
    image = np.random.default_rng(0).integers(0, 4000, SHAPE).astype(np.uint16)
    made = Session(image, predictor, store=ZarrStore(tmp_path / "e.zarr"))
    made.crop = "object"
    yield made
    made.close()


def test_what_is_encoded_is_what_a_click_needs(session: Session) -> None:
    job = session.tiles_job((90, 90, 110, 110))
    done = job.run()
    assert done.encoded == len(job.planes)
    assert 0 < done.encoded < len(job.grid.tiles())
    store = session._store
    assert isinstance(store, ZarrStore)
    before = len(list(store.entries()))
    session.add(point(100, 100))
    first = [key.crop for key in session._decoder.embeddings._keys.values()]
    assert job.grid.box(job.grid.tile_at(100, 100)) in first
    assert len(list(store.entries())) - before <= 3  # larger windows, if the mask is cut
    assert session.tiles_job((90, 90, 110, 110)).run().found == done.encoded


def test_the_view_comes_first_and_cancel_keeps_what_is_there(session: Session) -> None:
    session.view = (120, 180, 140, 200)
    job = session.tiles_job((0, 0, *SHAPE))
    ends = []
    with pytest.raises(CancelledError):
        job.run(lambda now: ends.append(now.plane), cancelled=lambda: len(ends) > 2)
    assert ends[0] == job.grid.tile_at(130, 190)
    again = session.tiles_job((0, 0, *SHAPE)).run()
    assert again.found >= 3


def test_left_out_it_is_the_view(session: Session) -> None:
    session.view = (120, 180, 140, 200)
    assert len(session.tiles_job().planes) < 10
    session.view = None
    assert session.tiles_job().planes == tuple(session.tiles_job((0, 0, *SHAPE)).planes)


def test_what_cannot_be(session: Session, predictor: Predictor) -> None:
    with pytest.raises(ImageError):
        session.tiles_job((500, 500, 600, 600))
    small = Session(np.zeros((60, 60), np.uint8), predictor, store=session._store)
    with pytest.raises(SessionError, match="whole"):
        small.tiles_job()
    with pytest.raises(StoreError):
        Session(np.zeros(SHAPE, np.uint8), predictor).tiles_job()
