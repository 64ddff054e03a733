"""The loop of a session: prompt, candidate, accept, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.prompts import box, point

if TYPE_CHECKING:
    from napari_samara.session import Session


def test_loop(session: Session) -> None:
    told: list[Any] = []
    session.events.edited.connect(lambda edit: told.append(edit.box))
    session.add(point(40, 60))
    assert len(session.candidates) == 3
    assert session.candidate is not None
    session.cycle()
    assert session.choice == 1
    mask = session.candidate
    assert mask is not None
    record = session.accept(klass="cell")
    assert record.label == 1
    assert record.choice == 1
    assert record.klass == "cell"
    assert record.area == mask.area == np.count_nonzero(session.labels)
    assert np.array_equal(session.labels == 1, mask.data)
    assert session.candidates == ()
    assert len(session.prompts) == 0
    session.add(box(10, 10, 30, 40))
    assert session.undo()
    assert session.undo()
    assert not session.labels.any()
    assert session.choice == 1
    assert len(session.prompts) == 1
    assert dict(session.objects) == {}
    assert session.redo()
    assert np.array_equal(session.labels == 1, mask.data)
    assert told == [mask.box] * 3
