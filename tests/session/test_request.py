"""What is decoded next follows from the state alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_samara.errors import PromptError
from napari_samara.intensity import Contrast
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, point
from napari_samara.session.request import State, resolve, upright
from napari_samara.settings import PredictSettings

HERE, THERE = Plane.of(3, fixed={0: 1}), Plane.of(3, fixed={0: 2})
TURNED = Plane.of(3, (2, 1), {0: 1})
STATE = State(
    HERE,
    (4, 20, 30),
    PromptSet([point(2, 5, 5), point(1, 5, 5)]),
    Contrast(),
    {},
    PredictSettings(),
    "ab",
    {},
)


def test_the_current_plane_comes_first() -> None:
    first = resolve(STATE)
    assert first is not None
    assert first.plane == HERE
    assert first.prompts == PromptSet([point(1, 5, 5)])
    second = resolve(replace(STATE, answered={HERE: first}))
    assert second is not None
    assert second.plane == THERE
    assert resolve(replace(STATE, answered={HERE: first, THERE: second})) is None


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": PromptSet([point(1, 6, 5)])},
        {"contrast": Contrast("minmax")},
        {"settings": PredictSettings(mask_threshold=1.0)},
        {"model": "cd"},
        {"plane": TURNED},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_makes_an_answer_old(change: dict[str, object]) -> None:
    state = replace(STATE, prompts=PromptSet([point(1, 5, 5)]))
    first = resolve(state)
    assert first is not None
    state = replace(state, answered={HERE: first})
    assert resolve(state) is None
    again = resolve(replace(state, **change))  # type: ignore[arg-type]
    assert again is not None
    assert again != first


def test_an_encoded_plane_stays_with_its_contrast() -> None:
    state = replace(STATE, contrast=Contrast("minmax"), encoded={HERE: Contrast()})
    found = resolve(state)
    assert found is not None
    assert found.contrast == Contrast()


@pytest.mark.parametrize("prompts", [PromptSet(), PromptSet([point(1, 5, 5, positive=False)])])
def test_nothing_to_decode(prompts: PromptSet) -> None:
    assert resolve(replace(STATE, prompts=prompts)) is None


def test_outside() -> None:
    with pytest.raises(PromptError):
        resolve(replace(STATE, prompts=PromptSet([point(9, 5, 5)])))


def test_upright() -> None:
    assert upright(TURNED) == HERE == upright(HERE)
