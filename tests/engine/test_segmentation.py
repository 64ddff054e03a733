"""Tests of painting all objects of a prompt set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_samara.engine.segmentation import segment_objects
from napari_samara.errors import ImageError, PromptError
from napari_samara.prompts import PromptSet, box, mask, point, polygon, scribble
from napari_samara.settings import PredictSettings, SegmentSettings

if TYPE_CHECKING:
    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor

ROUGH = np.zeros((128, 160), bool)
ROUGH[40:60, 40:70] = True
MIXED = PromptSet.from_objects(
    {
        5: [box(10, 10, 40, 50)],
        2: [point(60, 80)],
        9: [point(60, 80), point(90, 90, positive=False)],
        4: [scribble([(20, 100), (40, 130)])],
        7: [mask(ROUGH)],
        8: [box(50, 90, 90, 140), point(70, 100)],
        3: [point(20, 20)],
        6: [polygon([(80, 10), (120, 10), (100, 60)])],
        1: [box(70, 20, 120, 70)],
    }
)


def one_by_one(predictor: Predictor, image: np.ndarray, multimask: bool | None) -> np.ndarray:
    """The labels of `MIXED` in the plainest way: later objects over earlier ones."""
    embedding = predictor.embed(image)
    labels = np.zeros(image.shape[:2], np.int32)
    for number in MIXED.objects:
        inputs = MIXED.inputs(number, labels.shape)
        found = predictor.predict(
            embedding, inputs.points, inputs.positive, inputs.box, inputs.mask, multimask
        )
        labels[found[0].data] = number
    return labels


@pytest.mark.parametrize(("multimask", "given"), [("auto", None), ("yes", True), ("no", False)])
@pytest.mark.parametrize("chunk", [1, 64])
def test_batches_change_nothing(
    predictor: Predictor, disks: Disks, multimask: str, given: bool | None, chunk: int
) -> None:
    settings = SegmentSettings(overlap="last", multimask=multimask, crop="whole")
    found = segment_objects(predictor, disks.image, MIXED, settings, PredictSettings(chunk=chunk))
    expected = one_by_one(predictor, disks.image, given)
    assert found.labels.dtype == np.int32
    assert np.mean(found.labels != expected) < 1e-3  # sums of a batch come in another order
    assert [result.object_id for result in found.objects] == list(MIXED.objects)


def test_results_say_what_became_of_each_object(predictor: Predictor, disks: Disks) -> None:
    calls: list[tuple[int, int]] = []
    found = segment_objects(
        predictor, disks.image, MIXED, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(number, 9) for number in range(1, 10)]
    for result in found.objects:
        assert result.area == np.count_nonzero(found.labels == result.object_id)
        assert result.seconds > 0
        assert result.prompts == tuple(p.kind for p in MIXED.objects[result.object_id])
        if result.area:
            rows, cols = np.nonzero(found.labels == result.object_id)
            row0, col0, row1, col1 = result.box or (0, 0, 0, 0)
            assert row0 <= rows.min() <= rows.max() < row1
            assert col0 <= cols.min() <= cols.max() < col1


def test_planes_of_a_stack(predictor: Predictor, disks: Disks) -> None:
    stack = np.stack([disks.image, disks.image[::-1], disks.image])
    prompts = PromptSet.from_objects(
        {3: [point(0, 20, 20), box(10, 10, 40, 50, axis=0, index=2)], 1: [point(2, 60, 80)]}
    )
    found = segment_objects(predictor, stack, prompts)
    assert found.labels.shape == stack.shape
    assert not found.labels[1].any()
    assert [(r.object_id, r.plane.index) for r in found.objects] == [(3, 0), (3, 2), (1, 2)]
    flat = segment_objects(predictor, disks.image, PromptSet.from_objects({3: [point(20, 20)]}))
    assert np.array_equal(found.labels[0], flat.labels)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_planes_across_any_axis(predictor: Predictor, disks: Disks, axis: int) -> None:
    volume = np.stack([disks.image] * 4, axis=axis)
    prompt = box(10, 10, 40, 50, axis=axis, index=2)
    found = segment_objects(predictor, volume, PromptSet([prompt]))
    flat = segment_objects(predictor, disks.image, PromptSet([box(10, 10, 40, 50)]))
    assert np.array_equal(np.take(found.labels, 2, axis), flat.labels)
    assert np.count_nonzero(found.labels) == np.count_nonzero(flat.labels)


def test_channels_of_planes(predictor: Predictor, disks: Disks) -> None:
    rgb = np.repeat(disks.image[..., None], 3, -1)
    prompts = PromptSet([box(10, 10, 40, 50)])
    grey = segment_objects(predictor, disks.image, prompts).labels
    assert np.array_equal(segment_objects(predictor, rgb, prompts).labels, grey)
    deep = PromptSet([box(10, 10, 40, 50, index=1)])
    found = segment_objects(predictor, np.stack([rgb, rgb]), deep).labels
    assert found.shape == (2, *grey.shape)
    assert np.array_equal(found[1], grey)


def test_only_planes_with_prompts_are_read(predictor: Predictor) -> None:
    class Lazy:
        ndim, shape = 3, (1000, 32, 48)
        read: list[Any] = []  # noqa: RUF012 - of this test only

        def __getitem__(self, place: Any) -> np.ndarray:
            self.read.append(place[0])
            return np.zeros((32, 48), np.uint16)

    segment_objects(predictor, Lazy(), PromptSet([point(7, 3, 3), point(900, 5, 5)]))
    assert Lazy.read == [7, 900]


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3)])
def test_tiny_images(predictor: Predictor, shape: tuple[int, int]) -> None:
    found = segment_objects(predictor, np.ones(shape, np.uint8), PromptSet([point(0, 0)]))
    assert found.labels.shape == shape


@pytest.mark.parametrize("fill", [np.nan, np.inf, 0.0, 3.0])
def test_images_without_contrast(predictor: Predictor, fill: float) -> None:
    found = segment_objects(predictor, np.full((20, 30), fill), PromptSet([point(3, 3)]))
    assert found.labels.shape == (20, 30)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 5)), "empty"),
        (np.zeros((4, 5, 0)), "empty"),
        (np.zeros(5), "need an image of 2 axes"),
        (np.float64(3), "need an image of 2 axes"),
        (np.zeros((2, 3, 8, 9)), "need an image of 2 axes"),
        (np.zeros((12, 8, 9)), r"got shape \(12, 8, 9\). In a stack, prompts name the slice"),
        (np.full((8, 9), {}, dtype=object), "object cannot be shown"),
        (np.full((8, 9), "a"), "<U1"),
        (np.zeros((8, 9), complex), "complex128"),
    ],
)
def test_images_that_cannot_be_segmented(predictor: Predictor, image: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        segment_objects(predictor, image, PromptSet([point(3, 3)]))


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        (PromptSet(), "no prompt"),
        (PromptSet([point(3, 900)]), "outside the plane of shape"),
        (PromptSet([point(3, 3), box(200, 200, 210, 210)]), "outside the plane"),
        (PromptSet([point(3, 3), point(1, 3, 3)]), "2D and of 3D images are mixed"),
        (PromptSet([point(3, 3, positive=False)], 12), "object 12 has only negative"),
        (PromptSet([point(3, 3)], 2**31), "2147483648 does not fit"),
    ],
)
def test_prompts_that_mean_nothing(
    predictor: Predictor, disks: Disks, prompts: PromptSet, message: str
) -> None:
    with pytest.raises(PromptError, match=message):
        segment_objects(predictor, disks.image, prompts)


def test_prompt_beyond_the_stack(predictor: Predictor) -> None:
    with pytest.raises(PromptError, match="index 9 on axis 0"):
        segment_objects(predictor, np.zeros((3, 20, 20)), PromptSet([point(9, 3, 3)]))


def test_prompts_are_checked_before_anything_is_encoded(
    predictor: Predictor, disks: Disks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "embed", lambda *_: pytest.fail("encoded"))
    stack = np.stack([disks.image] * 2)
    with pytest.raises(PromptError, match="outside"):
        segment_objects(predictor, stack, PromptSet([point(0, 3, 3), point(1, 3, 900)]))
