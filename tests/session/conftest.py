"""A small image with clear objects and sessions on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_samara.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor


@pytest.fixture
def session(disks: Disks, predictor: Predictor) -> Iterator[Session]:
    """A session on the disks that does everything in the calling thread."""
    made = Session(disks.image, predictor)
    yield made
    made.close()
