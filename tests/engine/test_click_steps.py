"""Tests of objects that are found prompt by prompt."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.training.miniature import SIZE, make_config

from napari_samara import api
from napari_samara.engine import click_steps
from napari_samara.engine.device import choose_device
from napari_samara.engine.predictor import Predictor
from napari_samara.errors import PromptError
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.sam import SamModel
from napari_samara.prompts import PromptSet, box, mask, point, scribble
from napari_samara.settings import SegmentSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_samara.embedding import Embedding

POINTS = [(20, 24), (40, 10), (50, 50)]
SIGNS = [True, False, True]
BOX = (4, 6, 60, 58)


@pytest.fixture
def predictor() -> Predictor:
    torch.manual_seed(5)
    model = SamModel(make_config(click_by_click=True)).eval()
    preprocess = PreprocessConfig(SIZE, SIZE, per_image=True)
    return Predictor(model, preprocess, choice=choose_device("cpu"))


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Number of points of each earlier request that is decoded."""
    counts: list[int] = []
    decode = click_steps.decode

    def counting(*args: object, **kwargs: object) -> object:
        points = args[2][0]  # type: ignore[index]
        counts.append(0 if points is None else points.shape[1])
        return decode(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(click_steps, "decode", counting)
    return counts


def embedded(predictor: Predictor, seed: int = 0) -> Embedding:
    """Of an image of noise."""
    return predictor.embed(np.random.default_rng(seed).integers(0, 255, (SIZE, SIZE), np.uint8))


def logits_of(predictor: Predictor, embedding: Embedding, *args: object, **kwargs: object):
    found = predictor.predict(embedding, *args, **kwargs)[0].logits
    assert found is not None
    return found


def test_each_click_comes_with_the_mask_that_the_clicks_before_gave(predictor: Predictor) -> None:
    embedding = embedded(predictor)
    first = predictor.predict(embedding, POINTS[:1])[0]
    second = predictor.predict(embedding, POINTS[:2], SIGNS[:2], mask=first)[0]
    third = logits_of(predictor, embedding, POINTS, SIGNS, mask=second)
    found = logits_of(predictor, embedding, POINTS, SIGNS, steps=[1, 2, 3])
    np.testing.assert_array_equal(found, third)
    at_once = logits_of(predictor, embedding, POINTS, SIGNS)
    assert not np.allclose(found, at_once, atol=1e-3)
    for steps in (None, [1, 1, 1], [7, 7, 7]):  # one scribble
        same = logits_of(predictor, embedding, POINTS, SIGNS, steps=steps)
        np.testing.assert_array_equal(same, at_once)


def test_a_box_comes_first_and_by_itself(predictor: Predictor) -> None:
    embedding = embedded(predictor)
    alone = predictor.predict(embedding, box=BOX)[0]
    wanted = logits_of(predictor, embedding, POINTS[:2], SIGNS[:2], BOX, mask=alone)
    found = logits_of(predictor, embedding, POINTS[:2], SIGNS[:2], BOX, steps=[1, 1])
    np.testing.assert_array_equal(found, wanted)
    together = logits_of(predictor, embedding, POINTS[:2], SIGNS[:2], BOX, steps=[0, 0])
    at_once = logits_of(predictor, embedding, POINTS[:2], SIGNS[:2], BOX)
    np.testing.assert_array_equal(together, at_once)


def test_a_rough_mask_is_corrected_by_clicks(predictor: Predictor) -> None:
    embedding = embedded(predictor)
    rough = np.zeros((SIZE, SIZE), bool)
    rough[10:40, 12:50] = True
    drawn = PromptSet([mask(rough)]).inputs(1, rough.shape)
    before = predictor.predict(embedding, drawn.points, box=drawn.box, mask=rough)[0]
    points = [*drawn.points, (50.0, 50.0)]
    wanted = logits_of(predictor, embedding, points, box=drawn.box, mask=before)
    given = PromptSet([mask(rough), point(50, 50)]).inputs(1, rough.shape)
    assert given.steps.tolist() == [0, 2]
    found = logits_of(
        predictor, embedding, given.points, given.positive, given.box, given.mask, steps=given.steps
    )
    np.testing.assert_array_equal(found, wanted)


def test_one_more_click_costs_one_decoding(predictor: Predictor, decodings: list[int]) -> None:
    embedding, other = embedded(predictor), embedded(predictor, 1)
    for count in (1, 2, 3):
        predictor.predict(embedding, POINTS[:count], SIGNS[:count], steps=range(1, count + 1))
    assert decodings == [1, 2]  # what was seen before; never the same again
    found = logits_of(predictor, embedding, POINTS, SIGNS, steps=[1, 2, 3])
    assert len(decodings) == 2
    predictor.predict(embedding, POINTS, [True, True, True], steps=[1, 2, 3])
    assert decodings == [1, 2, 2]  # another sign of the second click
    elsewhere = logits_of(predictor, other, POINTS, SIGNS, steps=[1, 2, 3])
    assert decodings == [1, 2, 2, 1, 2]
    assert not np.array_equal(found, elsewhere)


def test_the_same_points_given_together_and_one_by_one_are_not_mixed_up(
    predictor: Predictor,
) -> None:
    """A scribble is one step, and so are a polygon and the point that it brings."""
    orders: list[tuple[list[int], object]] = [
        ([1, 1, 2], None), ([1, 2, 3], None), ([4, 6, 9], None), ([0, 1, 2], BOX), ([1, 1, 2], BOX),
    ]  # fmt: skip
    embedding = embedded(predictor)
    alone = []
    for steps, corners in orders:
        predictor._shown = click_steps.ShownMasks()
        alone.append(logits_of(predictor, embedding, POINTS, SIGNS, corners, steps=steps))
    for (steps, corners), wanted in zip(
        [*orders, *orders[::-1]], [*alone, *alone[::-1]], strict=True
    ):
        found = logits_of(predictor, embedding, POINTS, SIGNS, corners, steps=steps)
        np.testing.assert_array_equal(found, wanted)
    assert not np.allclose(alone[0], alone[1], atol=1e-4)
    np.testing.assert_array_equal(alone[1], alone[2])
    assert not np.array_equal(alone[3], alone[4])


def test_masks_of_an_image_that_is_gone_are_not_taken_for_those_of_another(
    predictor: Predictor,
) -> None:
    """Addresses are given out again."""
    wanted = logits_of(predictor, embedded(predictor, 1), POINTS, SIGNS, steps=[1, 2, 3])
    for seed in (2, 3, 1):
        embedding = embedded(predictor, seed)
        found = logits_of(predictor, embedding, POINTS, SIGNS, steps=[1, 2, 3])
        assert np.array_equal(found, wanted) == (seed == 1)
        del embedding
        gc.collect()


def test_few_masks_are_remembered(
    predictor: Predictor, decodings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click_steps, "_MOST", 2)
    embedding = embedded(predictor)
    for _ in range(2):
        predictor.predict(embedding, [*POINTS, (5, 5)], [*SIGNS, True], steps=[1, 2, 3, 4])
    assert decodings == [1, 2, 3, 1, 2, 3]


def test_other_families_take_all_points_at_once(decodings: list[int]) -> None:
    torch.manual_seed(5)
    plain = Predictor(
        SamModel(make_config()).eval(),
        PreprocessConfig(SIZE, SIZE, per_image=True),
        choice=choose_device("cpu"),
    )
    embedding = embedded(plain)
    found = logits_of(plain, embedding, POINTS, SIGNS, steps=[1, 2, 3])
    np.testing.assert_array_equal(found, logits_of(plain, embedding, POINTS, SIGNS))
    assert decodings == []


@pytest.mark.parametrize("steps", [[1, 2], [[1, 2, 3]], [0.5, 1.0, 2.0], ["a", "b", "c"]])
def test_steps_that_do_not_fit_the_points_are_refused(
    predictor: Predictor, steps: list[object]
) -> None:
    with pytest.raises(PromptError, match="steps are 3 whole numbers"):
        predictor.predict(embedded(predictor), POINTS, SIGNS, steps=steps)


def test_recorded_prompts_give_the_same_labels_again(disks) -> None:
    """With the checkpoint of the package: those of a session are those of a fresh process."""
    prompts = PromptSet([point(*np.argwhere(disks.labels == 1).mean(0))])
    for at, positive in (((60, 70), True), ((100, 20), False), ((20, 130), True)):
        prompts = PromptSet([*prompts, point(*at, positive=positive)])
    settings = SegmentSettings(crop="whole")
    clicked = api.segment(disks.image, prompts, device="cpu", settings=settings)
    fresh = Predictor(
        api.load("samara-tiny", device="cpu").model,
        api.load("samara-tiny", device="cpu").preprocess,
        choice=choose_device("cpu"),
    )
    inputs = prompts.inputs(1, disks.labels.shape)
    embedding = fresh.embed(disks.image)
    again = fresh.predict(embedding, inputs.points, inputs.positive, steps=inputs.steps)[0]
    np.testing.assert_array_equal(clicked > 0, again.data)


def test_scribbles_are_drawn_at_once() -> None:
    path = [(10, 10), (10, 60), (30, 80)]
    given = PromptSet([point(12, 12), scribble(path), point(5, 5, positive=False)])
    steps = given.inputs(1, (100, 100)).steps
    assert steps[0] == 1
    assert set(steps[1:-1].tolist()) == {2}
    assert steps[-1] == 3
    boxed = PromptSet([point(12, 12), box(0, 0, 40, 40)]).inputs(1, (100, 100))
    assert boxed.steps.tolist() == [1]  # the box counts as 0, whenever it was drawn
