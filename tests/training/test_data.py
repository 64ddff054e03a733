"""Tests of reading labelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from napari_samara.errors import FileFormatError
from napari_samara.training.data import (
    LabelledImage,
    as_labels,
    as_uint8,
    read_labels,
    split_pieces,
    volume_slices,
)

if TYPE_CHECKING:
    from pathlib import Path

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
IDS = (GREY // 20).astype(np.int32)


def test_palette_holds_ids(tmp_path: Path) -> None:
    picture = Image.fromarray(IDS.astype(np.uint8), "P")
    picture.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    picture.save(tmp_path / "ids.png")
    assert np.array_equal(read_labels(tmp_path / "ids.png"), IDS)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([[0, 65535]], np.uint16), [[0, 65535]]),
        (np.array([[0, 2.0]]), [[0, 2]]),
        (np.array([[False, True]]), [[0, 1]]),
        (np.array([[0, 70000, 5]], np.uint32), [[0, 2, 1]]),
        (np.array([[2**40, 7]], np.int64), [[2, 1]]),  # no background: ids still count from 1
        (np.zeros((0, 3), np.uint8), np.zeros((0, 3))),
    ],
)
def test_labels_become_int32(labels: np.ndarray, expected: object) -> None:
    found = as_labels(labels)
    assert found.dtype == np.int32
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("labels", [[[0, -1]], [[0.5, 1]], [[np.nan, 1]], [["a"]], [[1j]]])
def test_what_are_no_labels(labels: list[list[object]]) -> None:
    with pytest.raises(FileFormatError, match="whole numbers from 0"):
        as_labels(np.array(labels))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.array([[0, 7, 255]], np.uint8), [[0, 7, 255]]),
        (np.full((3, 3), 900, np.uint16), np.zeros((3, 3))),
        (np.array([[False, True]]), [[0, 255]]),
        (np.full((2, 2), np.nan), np.zeros((2, 2))),
    ],
)
def test_eight_bits(image: np.ndarray, expected: object) -> None:
    assert np.array_equal(as_uint8(image), expected)


def test_not_finite_pixels_do_not_set_the_range() -> None:
    image = np.linspace(-5, 5, 1000).reshape(10, 100)
    image[0, :3] = np.nan, np.inf, -np.inf
    found = as_uint8(image)
    assert found[0, :3].tolist() == [0, 255, 0]
    assert np.abs(np.diff(found[1].astype(int))).max() <= 1
    assert found.max() == 255


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.int32)),
        (np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4), np.int32)),
        (np.zeros((3, 4, 4), np.uint8), np.zeros((3, 4, 4), np.int32)),
        (np.zeros((4, 4), np.uint16), np.zeros((4, 4), np.int32)),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.int64)),
        (np.zeros((4, 4), np.uint8), np.full((4, 4), -1, np.int32)),
        (np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.int32)),
    ],
)
def test_pair_that_does_not_fit(image: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(FileFormatError, match=r"cells\.png: "):
        LabelledImage("cells.png", "cells", image, labels)


def test_slices_along_each_axis() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (4, 6, 8)).astype(np.uint8)
    labels = np.zeros(image.shape, np.int32)
    labels[:, 1:5, 2:6] = 7
    labels[:, 3, :] = 0  # two pieces in planes across axes 0 and 2, one along axis 1
    found = list(volume_slices(image, labels, "em", step=2))
    assert [one.image.shape for one in found] == [(6, 8)] * 2 + [(4, 8)] * 3 + [(4, 6)] * 4
    assert [int(one.labels.max()) for one in found] == [2, 2, 0, 1, 1, 0, 2, 2, 0]
    assert np.array_equal(found[1].image, image[2])
    assert found[1].name == "em[0:2]"
    assert found[1].dataset == "em"


@pytest.mark.parametrize(
    ("labels", "pieces"),
    [
        ([[1, 0, 1], [0, 0, 2]], 3),
        ([[1, 1, 1], [1, 2, 1]], 2),
        ([[0, 0, 0]], 0),
        ([[5, 0, 9, 0, 5]], 3),
        ([[3]], 1),
    ],
)
def test_each_piece_has_its_own_id(labels: list[list[int]], pieces: int) -> None:
    given = np.array(labels, np.int32)
    found = split_pieces(given)
    assert sorted(set(found.ravel()) - {0}) == list(range(1, pieces + 1))
    assert np.array_equal(found > 0, given > 0)
    pairs = set(zip(found.ravel().tolist(), given.ravel().tolist(), strict=True))
    assert len(pairs) == len({piece for piece, _ in pairs})  # no piece spans two labels
