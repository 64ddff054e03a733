"""Tests of the pictures of objects that were found badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.training.test_evaluation import Knowing, example

from napari_samara.errors import OutputError
from napari_samara.settings import EvaluateSettings
from napari_samara.training.evaluation import ObjectScore, evaluate_images
from napari_samara.training.evaluation_cases import usual, worst, write_cases

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.training.data import LabelledImage

BLUE, ORANGE = (0, 190, 255), (255, 130, 0)


def scored(*named: tuple[str, float]) -> list[ObjectScore]:
    return [ObjectScore("d", n, 1, 9, (0, 0, 3, 3), (1, 1), {"box": v}) for n, v in named]


def test_the_worst_are_of_several_images() -> None:
    scores = scored(("a", 0.1), ("a", 0.2), ("a", 0.3), ("b", 0.5), ("c", 0.9))
    assert [s.ious["box"] for s in worst(scores, "box", 3)] == [0.1, 0.5, 0.9]
    assert [s.ious["box"] for s in worst(scores, "box", 4)] == [0.1, 0.2, 0.5, 0.9]
    assert len(worst(scores, "box", 99)) == 5


def test_the_usual_are_those_in_the_middle() -> None:
    scores = scored(*(("a", n / 20) for n in range(20)))
    assert [s.ious["box"] for s in usual(scores, "box", 2)] == [0.45, 0.5]
    assert usual(scores[:4], "box") == []  # all of them are among the worst


def pixels(path: Path, colour: tuple[int, int, int]) -> int:
    with Image.open(path) as picture:
        return int((np.asarray(picture)[30:] == colour).all(-1).sum())


def judged(missing: int, planes: list[LabelledImage]) -> list[ObjectScore]:
    return evaluate_images(Knowing(missing), planes, EvaluateSettings(clicks=0))


def test_a_picture_for_each_data_set(tmp_path: Path) -> None:
    planes = [example("x/a.png", "one"), example("b", "one"), example("a", "two")]
    scores = judged(3, planes)
    found = write_cases(tmp_path / "new" / "cases", Knowing(3), planes, scores)
    assert [path.name for path in found] == ["one.png", "two.png"]
    with Image.open(found[0]) as four, Image.open(found[1]) as two:
        assert four.height == two.height
        assert four.width > 1.8 * two.width  # four objects, and two
    assert pixels(found[0], BLUE) > 500
    assert pixels(found[0], ORANGE) > 500
    assert sorted(path.name for path in found[0].parent.iterdir()) == ["one.png", "two.png"]


def test_a_mask_that_is_right_covers_the_truth(tmp_path: Path) -> None:
    planes = [example()]
    (path,) = write_cases(tmp_path, Knowing(), planes, judged(0, planes))
    assert pixels(path, BLUE) == 0
    assert pixels(path, ORANGE) > 500


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write to"):
        write_cases(tmp_path / "file" / "cases", Knowing(), [], [])
