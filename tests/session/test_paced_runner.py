"""Changes that follow each other quickly are decoded once, when they come to rest."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.session.fake_predictor import FakePredictor, disk

from napari_samara.prompts import PromptSet, point
from napari_samara.session import InlineRunner, Session
from napari_samara.session.paced_runner import PacedRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

LONG = 0.3
"""Seconds; so long that a slow machine does not reach it by chance."""


@pytest.fixture
def drawn_in(image: np.ndarray) -> Iterator[Callable[..., tuple[Session, FakePredictor]]]:
    made: list[Session] = []

    def make(runner: object) -> tuple[Session, FakePredictor]:
        predictor = FakePredictor()
        made.append(Session(image, predictor, runner=runner))
        return made[-1], predictor

    yield make
    for session in made:
        session.close()


def test_a_first_click_is_decoded_at_once(drawn_in: Callable[..., tuple]) -> None:
    session, predictor = drawn_in(PacedRunner(pause=60))
    session.add(point(10, 12))
    assert session.wait(20)  # and not after a pause of a minute
    assert predictor.decoded == [1]


def test_of_a_burst_the_last_is_decoded(drawn_in: Callable[..., tuple]) -> None:
    session, predictor = drawn_in(PacedRunner(pause=LONG))
    session.add(point(10, 12))
    assert session.wait(20)
    for col in range(13, 30):  # a prompt that is dragged
        session.set_prompts(PromptSet([point(10, col)]))
    assert session.wait(20)
    assert predictor.decoded == [1, 1]
    shape = session.candidate.data.shape
    assert (session.candidate.data == disk(shape, 10, 29)).all()


def test_answers_for_what_has_changed_are_dropped(drawn_in: Callable[..., tuple]) -> None:
    session, predictor = drawn_in(PacedRunner(pause=LONG))
    told: list[int] = []
    session.events.candidates.connect(lambda masks, _: told.append(len(masks)))
    predictor.gate.clear()  # the first click waits in the encoder
    session.add(point(10, 12))
    session.set_prompts(PromptSet([point(10, 12), point(20, 20)]))
    told.clear()
    predictor.gate.set()
    assert session.wait(20)
    assert predictor.decoded == [2]
    assert told == [1]


def test_rest_and_move_again(drawn_in: Callable[..., tuple]) -> None:
    session, predictor = drawn_in(PacedRunner(pause=0.01))
    for col in range(10, 13):
        session.set_prompts(PromptSet([point(10, col)]))
        assert session.wait(20)
        threading.Event().wait(0.02)
    assert predictor.decoded == [1, 1, 1]


def test_what_is_cleared_while_it_waits_is_not_decoded(drawn_in: Callable[..., tuple]) -> None:
    session, predictor = drawn_in(PacedRunner(pause=LONG))
    session.add(point(10, 12))
    assert session.wait(20)
    session.add(point(11, 12))
    session.clear()
    assert session.wait(20)
    assert predictor.decoded == [1]
    assert session.candidates == ()


def test_without_a_worker_nothing_waits(drawn_in: Callable[..., tuple]) -> None:
    session, predictor = drawn_in(InlineRunner())
    for col in range(10, 15):
        session.set_prompts(PromptSet([point(10, col)]))
    assert predictor.decoded == [1] * 5


def test_accept_waits_for_the_last_of_a_burst(drawn_in: Callable[..., tuple]) -> None:
    session, _ = drawn_in(PacedRunner(pause=LONG))
    session.add(point(10, 12))
    session.set_prompts(PromptSet([point(10, 20)]))
    session.accept()
    assert session.wait(20)
    assert ((session.labels == 1) == disk(session.labels.shape, 10, 20)).all()
