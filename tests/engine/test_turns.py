"""Who encodes next."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from napari_samara.engine.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_urgent_ones_go_before_patient_ones() -> None:
    turns, order = Turns(), []

    def take(name: str) -> None:
        with turns.urgent() if name == "urgent" else turns.patient():
            order.append(name)

    with turns.patient():
        patient = threading.Thread(target=take, args=("patient",))
        patient.start()
        urgent = threading.Thread(target=take, args=("urgent",))
        urgent.start()
        _until(lambda: turns._urgent == 1)
        assert order == []
    patient.join(20)
    urgent.join(20)
    assert order == ["urgent", "patient"]


@pytest.mark.parametrize("kind", ["urgent", "patient"])
def test_a_turn_is_given_back_after_an_error(kind: str) -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="broken"), getattr(turns, kind)():
        raise ValueError("broken")
    with turns.patient():
        pass
