"""What is measured of objects, on shapes whose measures are known."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.errors import ImageError, OutputError
from napari_samara.measures import measure, write_table

if TYPE_CHECKING:
    from pathlib import Path


def square() -> np.ndarray:
    labels = np.zeros((20, 30), np.int32)
    labels[2:6, 10:20] = 4
    labels[15, 3] = 9
    return labels


def test_a_plane_in_pixels() -> None:
    found = measure(square())
    assert found["label"].tolist() == [4, 9]
    assert found["pixels"].tolist() == [40, 1]
    assert found["area"].tolist() == [40, 1]
    assert [found[f"bbox-{at}"][0] for at in range(4)] == [2, 10, 6, 20]
    assert found["centroid-0"][0] == 3.5
    assert found["centroid-1"][0] == 14.5
    assert found["perimeter"][0] == 24
    assert "intensity_mean" not in found
    assert len({len(column) for column in found.values()}) == 1


def test_units_of_the_spacing() -> None:
    found = measure(square(), spacing=(0.5, 0.5))
    assert found["area"][0] == 10
    assert found["pixels"][0] == 40
    assert found["centroid-1"][0] == 7.25
    assert found["bbox-3"][0] == 20
    assert "perimeter" not in measure(square(), spacing=(1, 0.5))


def test_intensities_by_channel() -> None:
    image = np.zeros((20, 30, 2), np.uint16)
    image[2:6, 10:20, 1] = 700
    image[2, 10, 1] = 300
    found = measure(square(), image)
    assert found["intensity_mean-0"].tolist() == [0, 0]
    assert found["intensity_min-1"][0] == 300
    assert found["intensity_max-1"][0] == 700
    assert found["intensity_mean-1"][0] == pytest.approx(690)
    assert measure(square(), image[..., 1])["intensity_max"][0] == 700


def test_a_volume() -> None:
    labels = np.zeros((6, 10, 12), np.uint8)
    labels[1:3, 2:6, 3:9] = 2
    found = measure(labels, spacing=(2.0, 1.0, 1.0))
    assert found["area"].tolist() == [96]
    assert found["centroid-0"][0] == 3.0
    assert [found[f"bbox-{at}"][0] for at in range(6)] == [1, 2, 3, 3, 6, 9]
    assert "eccentricity" not in found


def test_nothing_there() -> None:
    assert len(measure(np.zeros((4, 4), int))["label"]) == 0


@pytest.mark.parametrize(
    "given",
    [
        (np.zeros((4, 4)),),
        (np.zeros((1, 2, 3, 4), int),),
        (square(), np.zeros((3, 3))),
        (square(), None, (1.0,)),
        (square(), None, (1.0, 0.0)),
    ],
)
def test_what_is_refused(given: tuple) -> None:
    with pytest.raises(ImageError):
        measure(*given)


def test_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_table(path, {**measure(square()), "class": ["nucleus, round", None]})
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["4", "9"]
    assert rows[0]["class"] == "nucleus, round"
    assert rows[1]["class"] == ""
    assert float(rows[0]["centroid-0"]) == 3.5
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(OutputError):
        write_table(tmp_path / "no" / "t.csv", {"label": [1]})
    with pytest.raises(ImageError, match="length"):
        write_table(path, {"a": [1], "b": [1, 2]})
