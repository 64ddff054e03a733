"""Which part of a plane is looked at for which prompts."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.crops import (
    CROPS,
    WHOLE,
    CropChoice,
    choose_crop,
    first_crop,
    next_crop,
    prompted_box,
    widened,
)
from napari_samara.errors import SettingsError
from napari_samara.prompts import PromptInputs

SIZE = (1000, 1200)
OBJECT = CropChoice("object")
SMALL = PromptInputs.of(box=(500, 600, 520, 610))
POINT = PromptInputs.of([(505, 605)])


def side(box: tuple[int, int, int, int] | None) -> int | None:
    return None if box is None else box[2] - box[0]


@pytest.mark.parametrize(
    ("rule", "family", "size", "expected"),
    [
        ("whole", "samara", (9000, 9000), WHOLE),
        ("auto", "samara", (300, 300), CropChoice("object")),
        ("auto", "samara", (2000, 300), CropChoice("object", tile=512)),
        ("auto", "vit_b", (768, 768), WHOLE),
        ("auto", "vit_b", (769, 20), CropChoice("object", tile=512)),
        ("object", "vit_b", (300, 300), CropChoice("object")),
        ("view", "vit_b", (300, 300), WHOLE),  # nothing is known to be on the screen
        ("view", "vit_b", (3000, 300), CropChoice("object", tile=512)),
    ],
)
def test_the_rule(rule: str, family: str, size: tuple[int, int], expected: CropChoice) -> None:
    assert choose_crop(rule, family, 512, size) == expected


def test_what_is_seen() -> None:
    found = choose_crop("view", "vit_b", 512, SIZE, seen=(100, 100, 300, 400))
    assert found.rule == "view"
    assert found.box == widened((100, 100, 300, 400), SIZE)
    assert choose_crop("view", "vit_b", 512, SIZE, seen=(-90, -90, -10, -10)).box is None


def test_no_such_rule() -> None:
    with pytest.raises(SettingsError, match="view"):
        choose_crop("zoom", "", 512, SIZE)
    assert all(text.endswith(".") for text in CROPS.values())


def test_an_unknown_model_looks_at_all() -> None:
    assert choose_crop("auto", "", 0, (9000, 9000)) == WHOLE


@pytest.mark.parametrize(
    ("choice", "given", "expected"),
    [
        (WHOLE, SMALL, None),
        (OBJECT, SMALL, 128),
        (OBJECT, PromptInputs.of(box=(0, 0, 100, 90)), 512),
        (OBJECT, PromptInputs.of(box=(0, 0, 900, 900)), None),
        (OBJECT, POINT, None),  # its size is not known yet
        (CropChoice("object", usual=256), POINT, 256),
        (CropChoice("object", usual=256), SMALL, 128),
        (CropChoice("object", tile=512), POINT, 512),
        (CropChoice("object", usual=256), PromptInputs.of([(10, 10), (500, 10)]), 1000),
        (CropChoice("object", usual=128), PromptInputs.of([(10, 10), (110, 10)]), 256),
        (OBJECT, PromptInputs.of([(10, 10), (20, 10), (30, 10), (30, 20)]), 128),  # a scribble
        (OBJECT, PromptInputs.of([(10, 10)], positive=False), None),
        # clicks are not: they correct one place after the other of an object of any size
        (OBJECT, PromptInputs.merged([PromptInputs.of([(10, 10 + i)]) for i in range(6)]), None),
    ],
)
def test_the_first_crop(choice: CropChoice, given: PromptInputs, expected: int | None) -> None:
    found = first_crop(choice, given, SIZE)
    assert side(found) == expected
    held = prompted_box(given, SIZE)
    if found is not None and held is not None:
        assert found[0] <= held[0] < held[2] <= found[2]
        assert found[1] <= held[1] < held[3] <= found[3]


def test_a_mask_prompt_is_as_large_as_its_object() -> None:
    mask = np.zeros(SIZE, bool)
    mask[300:340, 700:720] = True
    found = first_crop(OBJECT, PromptInputs.of(mask=mask), SIZE)
    assert side(found) == 256
    assert prompted_box(PromptInputs.of(mask=mask), SIZE) == (300, 700, 340, 720)


def test_the_view_holds_the_prompts() -> None:
    choice = CropChoice("view", (0, 0, 128, 128))
    assert first_crop(choice, PromptInputs.of([(60, 60)]), SIZE) == (0, 0, 128, 128)
    assert first_crop(choice, PromptInputs.of([(60, 60), (200, 60)]), SIZE) == (0, 0, 201, 128)
    assert first_crop(CropChoice("view", (0, 0, *SIZE)), POINT, SIZE) is None


def test_a_fixed_crop_stays() -> None:
    choice = CropChoice("fixed", (480, 580, 560, 640))
    crop = first_crop(choice, POINT, SIZE)
    assert crop == choice.box
    assert next_crop(choice, POINT, SIZE, crop, crop) == crop


@pytest.mark.parametrize(
    ("crop", "found", "expected"),
    [
        ((448, 512, 576, 640), (490, 590, 520, 620), 128),  # it holds
        ((448, 512, 576, 640), (490, 590, 576, 620), 256),  # it is cut below
        ((448, 512, 576, 640), (448, 590, 500, 620), 256),
        ((448, 512, 576, 640), None, 128),  # empty
        ((0, 0, 128, 128), (0, 0, 20, 20), 128),  # that edge is the end of the plane
        ((0, 0, 512, 512), (100, 100, 512, 200), 1024),
    ],
)
def test_a_cut_mask_is_looked_for_in_a_larger_window(
    crop: tuple[int, int, int, int], found: tuple[int, int, int, int] | None, expected: int
) -> None:
    row, col = (crop[0] + crop[2]) // 2, (crop[1] + crop[3]) // 2
    given = PromptInputs.of([(row, col)])
    after = next_crop(CropChoice("object", usual=128), given, SIZE, crop, found)
    assert after is not None
    assert max(after[2] - after[0], after[3] - after[1]) == min(expected, 1024)


def test_a_first_mask_says_how_large_an_object_is() -> None:
    assert side(next_crop(OBJECT, POINT, SIZE, None, (495, 595, 515, 615))) == 128
    assert next_crop(OBJECT, POINT, SIZE, None, (495, 595, 515, 665)) is None  # not small
    assert (
        next_crop(CropChoice("object", usual=128), POINT, SIZE, None, (495, 595, 515, 615)) is None
    )
    assert next_crop(WHOLE, POINT, SIZE, None, (495, 595, 515, 615)) is None


def test_a_small_step_of_the_view_finds_the_same_crop() -> None:
    assert widened((101, 103, 301, 403), SIZE) == widened((104, 99, 304, 399), SIZE)
    found = widened((101, 103, 301, 403), SIZE)
    assert found is not None
    assert found[0] <= 101
    assert found[1] <= 103
    assert found[2] >= 301
    assert found[3] >= 403
    assert widened((900, 1100, 1300, 1400), SIZE) == (896, 1088, 1000, 1200)


def test_rows_and_columns_swapped() -> None:
    assert CropChoice("fixed", (1, 2, 3, 4), 5, 6).turned() == CropChoice(
        "fixed", (2, 1, 4, 3), 5, 6
    )
    assert WHOLE.turned() == WHOLE
