"""Sessions on a small image, with masks that are known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.session.fake_predictor import FakePredictor

from napari_samara.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHAPE = (48, 64)


@pytest.fixture
def image() -> np.ndarray:
    """Noise, uint8, 48 x 64."""
    return np.random.default_rng(1).integers(0, 255, SHAPE).astype(np.uint8)


@pytest.fixture
def stack() -> np.ndarray:
    """Noise, uint16, 5 slices of 48 x 64."""
    return np.random.default_rng(2).integers(0, 4000, (5, *SHAPE)).astype(np.uint16)


@pytest.fixture
def fake() -> FakePredictor:
    return FakePredictor()


@pytest.fixture
def open_(fake: FakePredictor) -> Iterator[Callable[..., Session]]:
    """Open a session with the fake predictor; closed at the end."""
    made: list[Session] = []

    def open_(image: np.ndarray, **options: Any) -> Session:
        made.append(Session(image, options.pop("predictor", fake), **options))
        return made[-1]

    yield open_
    for session in made:
        session.close()


@pytest.fixture
def session(open_: Callable[..., Session], image: np.ndarray) -> Session:
    """On a 2D image, everything in the calling thread."""
    return open_(image)
