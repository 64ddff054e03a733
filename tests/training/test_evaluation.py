"""Tests of judging a checkpoint, with predictors whose answers are known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_samara.errors import CancelledError
from napari_samara.masks import Mask
from napari_samara.settings import EvaluateSettings
from napari_samara.training.baselines import baselines
from napari_samara.training.data import LabelledImage
from napari_samara.training.evaluation import (
    ObjectScore,
    after,
    click_through,
    evaluate_images,
    prompts_to,
)
from napari_samara.training.evaluation_report import plot, summarise
from napari_samara.training.known_objects import iou, known_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIDE = 300


def example(name: str = "a", dataset: str = "discs") -> LabelledImage:
    """A small square, a larger disk, and one object too small to count."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    labels[10:18, 10:20] = 3
    rows, cols = np.indices(labels.shape)
    labels[np.hypot(rows - 200, cols - 180) < 40] = 5
    labels[280:282, 280:282] = 6
    return LabelledImage(name, dataset, ((labels > 0) * 200).astype(np.uint8), labels)


class Knowing:
    """Answers with the object under the prompt, cut by `missing` columns of its box.

    The image is its own key: pixels of an object are told apart by a map of the labels that was
    made when it was encoded.
    """

    def __init__(self, missing: int = 0) -> None:
        self.missing = missing
        self.encoded: list[tuple[int, int]] = []
        self.clicks: list[list[int]] = []

    def embed(self, image: np.ndarray) -> np.ndarray:
        from scipy import ndimage

        self.encoded.append(image.shape)
        pieces, _ = ndimage.label(image > 0)
        return pieces

    def answer(self, pieces: np.ndarray, row: int, col: int) -> Mask:
        data = (pieces == pieces[row, col]) & (pieces[row, col] > 0)
        first = int(np.nonzero(data.any(0))[0][0])
        data[:, first : first + self.missing] = False
        return Mask(data)

    def iterate_many(
        self, pieces: np.ndarray, boxes: Any = None, points: Any = None
    ) -> Iterator[Mask]:
        middles = points if boxes is None else (boxes[:, :2] + boxes[:, 2:]) // 2
        return (self.answer(pieces, int(r), int(c)) for r, c in middles)

    def predict(
        self, pieces: np.ndarray, points: Any = None, positive: Any = None, box: Any = None,
        steps: Any = None,
    ) -> list[Mask]:  # fmt: skip
        # Each prompt after the first brings back one missing column.
        if box is None and steps is None:
            (row, col), more = points[0], 0
        elif box is None:
            self.clicks.append(list(steps))
            (row, col), more = points[0], len(points) - 1
        else:
            row, col, more = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2, len(points or ())
        self.missing, kept = max(self.missing - more, 0), self.missing
        found = self.answer(pieces, int(row), int(col))
        self.missing = kept
        return [found]


def test_perfect_answers() -> None:
    scores = evaluate_images(Knowing(), [example()], EvaluateSettings(zoom=True))
    assert [(score.label, score.area) for score in scores] == [(3, 80), (5, 5013)]
    for score in scores:
        assert {score.ious[name] for name in ("box", "point", "box_zoom", "point_zoom")} == {1.0}
        assert score.clicks == (1.0,)
        assert score.box_clicks == (1.0,)


def test_iou_is_that_of_the_pixels() -> None:
    (small, _) = evaluate_images(Knowing(missing=3), [example()], EvaluateSettings(clicks=0))
    assert small.ious["box"] == small.ious["point"] == 0.7
    assert small.clicks == ()


def test_iou_in_a_window_that_cuts_the_object() -> None:
    (thing,) = known_objects(np.pad(np.ones((20, 30), np.int32), 40), 1, np.random.default_rng(0))
    window = np.ones((25, 25), bool)
    # rows 45 to 60 and columns 50 to 70 of the object are in the window
    assert thing.iou(window, 45, 50) == pytest.approx(15 * 20 / (25 * 25 + 600 - 15 * 20))
    assert thing.iou(np.zeros((100, 110), bool)) == 0.0
    assert thing.iou(thing.whole((100, 110))) == 1.0


def test_windows_show_small_objects_large() -> None:
    predictor = Knowing()
    evaluate_images(predictor, [example()], EvaluateSettings(zoom=True, clicks=0))
    # the whole image, a window for the small object, and one for the large one: 79 pixels wide
    assert set(predictor.encoded) == {(SIDE, SIDE), (128, 128), (SIDE, SIDE), (256, 256)}


def test_clicks_go_on_until_it_is_found() -> None:
    predictor = Knowing(missing=4)
    truth = example().labels == 3
    embedding = predictor.embed(example().image)
    assert click_through(predictor, embedding, truth, 20) == (0.6, 0.7, 0.8, 0.9)
    # every click is a step of its own, so that the mask of before is seen
    assert predictor.clicks == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]
    ious = (0.6, 0.7, 0.8, 0.9)
    assert (prompts_to(0.8, ious, 20), prompts_to(0.95, ious, 20)) == (3, 20)
    assert (after(2, ious), after(9, ious)) == (0.7, 0.9)
    box = known_objects(truth.astype(np.int32), 1, np.random.default_rng(0))[0].box
    assert click_through(predictor, embedding, truth, 20, box) == (0.6, 0.7, 0.8, 0.9)
    assert len(predictor.clicks) == 4  # a box with clicks is asked with the box
    assert len(click_through(Knowing(missing=9), embedding, truth, 2)) == 2


def test_as_many_objects_are_clicked_on_as_asked() -> None:
    settings = EvaluateSettings(clicked_objects=1, clicks=2)
    scores = evaluate_images(Knowing(), [example("a"), example("b")], settings)
    assert sum(bool(score.clicks) for score in scores) == 2
    again = evaluate_images(Knowing(), [example("a"), example("b")], settings)
    assert scores == again


def test_some_objects_drawn_by_chance() -> None:
    settings = EvaluateSettings(objects=1, clicks=0)
    found = {
        score.label
        for seed in range(8)
        for score in evaluate_images(
            Knowing(), [example()], EvaluateSettings(objects=1, clicks=0, seed=seed)
        )
    }
    assert found == {3, 5}
    (one,) = evaluate_images(Knowing(), [example()], settings)
    assert evaluate_images(Knowing(), [example()], settings) == [one]
    assert one.box[0] <= one.point[0] < one.box[2]


def test_progress_and_cancel() -> None:
    seen: list[tuple[int, int]] = []
    settings = EvaluateSettings(clicks=0)
    images = [example(), example("b")]
    evaluate_images(Knowing(), images, settings, lambda *at: seen.append(at))
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(CancelledError):
        evaluate_images(Knowing(), images, settings, cancelled=lambda: True)


def test_an_image_without_objects_has_no_scores() -> None:
    empty = LabelledImage("e", "e", np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.int32))
    predictor = Knowing()
    assert evaluate_images(predictor, [empty]) == []
    assert predictor.encoded == []


def test_baselines_need_no_model() -> None:
    image = example()
    objects = known_objects(image.labels, 25, np.random.default_rng(0))
    found = baselines(image, objects)
    assert found["otsu"] == [1.0, 1.0]
    assert found["ellipse"][0] == pytest.approx(np.pi / 4, abs=0.06)
    assert found["ellipse"][1] > 0.97
    dark = LabelledImage("d", "d", 255 - image.image, image.labels)
    assert baselines(dark, objects)["otsu"] == [1.0, 1.0]
    flat = LabelledImage("f", "f", np.zeros_like(image.image), image.labels)
    assert max(baselines(flat, objects)["otsu"]) < 0.1


def test_iou_of_nothing() -> None:
    none = np.zeros((3, 3), bool)
    assert iou(none, none) == 1.0
    assert iou(none, ~none) == 0.0


def row_of(image: str, area: int, box: float, clicks: tuple[float, ...] = ()) -> ObjectScore:
    ious = {"box": box, "ellipse": 0.5}
    boxed = (box, *clicks) if clicks else ()
    return ObjectScore("cells", image, 1, area, (0, 0, 9, 9), (4, 4), ious, clicks, boxed)


def test_means_are_over_images_not_over_objects() -> None:
    scores = [row_of("a", 50, 1.0), row_of("a", 50, 0.5), row_of("b", 5000, 0.25, (0.5, 0.85))]
    whole, small, medium = summarise(scores, 20)
    assert (whole["size"], small["size"], medium["size"]) == ("all", "small", "medium")
    assert (whole["images"], whole["objects"], whole["clicked"]) == (2, 3, 1)
    assert whole["box"] == 0.5
    assert (small["box"], medium["box"]) == (0.75, 0.25)
    assert (medium["noc80"], medium["noc90"]) == (2.0, 20.0)
    assert (medium["clicks_1"], medium["clicks_3"]) == (0.5, 0.85)
    assert (medium["box_clicks_1"], medium["box_clicks_2"]) == (0.5, 0.85)  # 0.25 by the box
    assert (medium["box_noc80"], medium["box_noc90"]) == (3.0, 20.0)
    assert "noc80" not in small
    assert "agreement" not in whole


def test_rows_say_how_the_images_were_made() -> None:
    planes = [
        LabelledImage("a", "cells", *arrays(), "ct:lung, -1350 to 150 HU", True),
        LabelledImage("b", "cells", *arrays()),
        LabelledImage("c", "others", *arrays(), "something else"),
    ]
    whole, small = summarise([row_of("a", 50, 1.0)], 20, planes)
    for row in (whole, small):
        assert row["intensity"] == "ct:lung, -1350 to 150 HU; 8 bit"
        assert row["agreement"] is True


def arrays() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.int32)


def test_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `plot`")
    from PIL import Image

    rows = summarise([row_of("a", 50, 0.7, (0.5, 0.9)), row_of("b", 50, 0.8)], 20)
    plot(rows, tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.width > 800
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"]
