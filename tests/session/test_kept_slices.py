"""Which slices are encoded, told without reading the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_samara.engine.plane_order import planes_of
from napari_samara.intensity import Contrast
from napari_samara.session import Session
from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from tests.session.fake_predictor import FakePredictor

    from napari_samara.engine.predictor import Predictor

WIDE = Contrast("limits", limits=(0, 9000))


@pytest.fixture
def make(stack: np.ndarray, tmp_path: Path, predictor: Predictor) -> Callable[[], Session]:
    return lambda: Session(stack, predictor, store=ZarrStore(tmp_path / "v.zarr"))


def test_encoded_stale_queued(make: Callable[[], Session], stack: np.ndarray) -> None:
    session = make()
    planes = planes_of(stack.shape)
    job = session.slices_job(planes[:2])
    job.run()
    assert list(session.slice_states(planes).values()) == ["encoded"] * 2 + ["queued"] * 3
    session.contrast = WIDE
    assert list(session.slice_states(planes).values()) == ["stale"] * 2 + ["queued"] * 3
    session.slices_job(planes[1:2]).run()
    assert list(session.slice_states(planes).values())[:3] == ["stale", "encoded", "queued"]
    session.close()


def test_a_store_is_looked_into(make: Callable[[], Session], stack: np.ndarray) -> None:
    planes = planes_of(stack.shape, (0, 1))
    first = make()
    first.slices_job([planes[1], planes[7]]).run()
    first.contrast = WIDE
    first.slices_job([planes[1], planes[2]]).run()
    first.close()
    second = make()
    assert set(second.slice_states(planes).values()) == {"queued"}
    states = second.kept_reader(planes)()
    found = {plane.fixed[0]: state for plane, state in states.items() if state != "queued"}
    assert found == {(0, 1): "encoded", (0, 2): "stale", (1, 2): "encoded"}
    second.close()


def test_without_a_store_nothing_is_kept(stack: np.ndarray, fake: FakePredictor) -> None:
    session = Session(stack, fake)
    planes = planes_of(stack.shape)
    assert set(session.kept_reader(planes)().values()) == {"queued"}
