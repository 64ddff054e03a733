"""What is followed, and the way through doubtful slices; without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel
from tests.ui.volume_annotator import BOXES, DECODER, SeeingPredictor, decoder, phantom

from napari_samara.errors import SessionError
from napari_samara.prompts import box
from napari_samara.session import InlineRunner
from napari_samara.ui.annotator import Annotator

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.gui


@pytest.fixture
def annotator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Annotator]:
    """Of two time points of a volume; the viewer shows slice 10 of the first."""
    monkeypatch.setattr(DECODER, decoder)
    viewer = ViewerModel()
    layer = viewer.add_image(np.stack([phantom()] * 2))
    viewer.dims.set_point(1, 10)
    made = Annotator(viewer, layer, SeeingPredictor(), runner=lambda _: InlineRunner())
    yield made
    made.close()


def accept(annotator: Annotator, number: int, time: int = 0) -> None:
    annotator.viewer.dims.set_point(0, time)
    annotator.session.add(box(*BOXES[number], axis=(0, 1), index=(time, 10)))
    annotator.accept()


def test_the_open_object_goes_before_the_chosen_and_those_before_the_selected(
    annotator: Annotator,
) -> None:
    following = annotator.following
    assert following.targets() is None
    with pytest.raises(SessionError, match="nothing to follow"):
        following.begin()
    accept(annotator, 1)
    accept(annotator, 2)
    assert str(following.targets()) == "object 2"
    following.chosen = (1, 2, 9)
    assert str(following.targets()) == "objects 1, 2"
    annotator.selected = 7
    assert str(following.targets()) == "objects 1, 2"
    annotator.session.add(box(1, 1, 5, 5, axis=(0, 1), index=(0, 10)))
    assert str(following.targets()) == "the open object"
    annotator.session.clear()
    annotator.session.reopen(1)
    assert str(following.targets()) == "object 1"


def test_all_are_those_of_the_volume_that_is_shown(annotator: Annotator) -> None:
    accept(annotator, 1)
    accept(annotator, 2, time=1)
    annotator.viewer.dims.set_point(0, 0)
    assert annotator.following.targets(every=True).labels == (1,)
    annotator.following.begin(every=True)
    assert len(annotator.session.objects[1].parts) > 5
    assert len(annotator.session.objects[2].parts) == 1
    annotator.viewer.dims.set_point(0, 1)
    assert annotator.following.targets(every=True).labels == (2,)


def test_progress_and_end_are_told(annotator: Annotator) -> None:
    told: list[Any] = []
    annotator.following.told.connect(lambda *given: told.append(given))
    accept(annotator, 1)
    annotator.following.begin()
    lines = [line for line, _, total in told if total]
    assert lines[0].startswith("Following object 1: slice 1 of ")
    assert any("left" in line for line in lines)
    done = [done for _, done, total in told if total]
    assert done == sorted(done)
    assert told[-1] == ("Followed object 1; one undo takes it back.", 0, 0)


def test_the_list_is_gone_through_in_a_circle(annotator: Annotator) -> None:
    said: list[str] = []
    annotator.message.connect(said.append)
    review = annotator.review
    review.step(1)
    assert said[-1] == "No object was followed yet."
    accept(annotator, 1)
    annotator.following.begin()
    review.at_least = 1.0
    review.step(1)
    assert said[-1] == "There is no doubtful slice."
    review.at_least = 0.0
    listed = review.listed
    review.step(-1)
    assert review.here == listed[-1]
    review.step(1)
    assert review.here == listed[0]
    assert annotator.session.plane == listed[0].plane
    review.step(-1)
    assert review.here == listed[-1]


def test_all_can_be_said_yes_to(annotator: Annotator) -> None:
    accept(annotator, 1)
    annotator.following.begin()
    review = annotator.review
    review.at_least = 0.0
    count = len(review.listed)
    review.step(1)
    for left in range(count - 1, -1, -1):
        review.confirm()
        assert len(review.listed) == left
    with pytest.raises(SessionError, match="no doubtful slice"):
        review.confirm()


def test_correcting_stays_where_the_user_is(annotator: Annotator) -> None:
    accept(annotator, 1)
    annotator.following.begin()
    annotator.viewer.dims.set_point(1, 13)
    annotator.selected = 1
    annotator.review.correct()
    assert annotator.session.open_label == 1
    assert dict(annotator.session.plane.fixed) == {0: 0, 1: 13}
    assert annotator.viewer.layers.selection.active is annotator.points
    annotator.selected = 5
    with pytest.raises(SessionError, match="select an object"):
        annotator.review.correct()
