"""Tests of labels in OME-Zarr folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from tests.zarr_files import write_image

from napari_samara.errors import FileFormatError, ImageError, OutputError
from napari_samara.formats.ome_labels import (
    create_labels,
    is_label_folder,
    open_labels,
    whole_labels,
)
from napari_samara.volumes import Grid, grid_of, read_volume

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (20, 300, 520)
XYZ = np.array([[0, 0, 0.25, 9], [0, 0.5, 0, 8], [2, 0, 0, 7], [0, 0, 0, 1]])
GRID = Grid((2.0, 0.5, 0.25), "µm", XYZ)
LPS = np.array([[0, 0, -0.25, 9], [0, 0.5, 0, 8], [2, 0, 0, 7], [0, 0, 0, 1]])


def chunks_of(path: Path) -> list[str]:
    return sorted(
        file.relative_to(path).as_posix()
        for file in path.rglob("*")
        if file.is_file() and file.name not in ("zarr.json", ".zarray", ".zattrs", ".zgroup")
    )


def test_new_labels_take_no_room_and_lie_where_the_volume_does(tmp_path: Path) -> None:
    labels = create_labels(tmp_path / "l.ome.zarr", (2000, 20000, 20000), GRID)
    assert labels.blank
    assert labels.highest == 0
    assert chunks_of(tmp_path / "l.ome.zarr") == []
    assert not labels[1999, :9, -9:].any()
    found = grid_of(tmp_path / "l.ome.zarr")
    assert found.spacing == GRID.spacing
    assert found.unit == "µm"
    assert found.affine == pytest.approx(XYZ)


def test_turned_grids_have_no_translation(tmp_path: Path) -> None:
    create_labels(tmp_path / "l.ome.zarr", SHAPE, Grid(GRID.spacing, "mm", LPS))
    found = grid_of(tmp_path / "l.ome.zarr")
    assert found.spacing == GRID.spacing
    assert found.affine is not None
    assert found.affine[:3, 3].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("version", "name", "chunk"), [("0.4", ".zattrs", "0/0/0/0"), ("0.5", "zarr.json", "0/c/0/0/0")]
)
def test_labels_of_an_image_lie_in_it(tmp_path: Path, version: str, name: str, chunk: str) -> None:
    image = tmp_path / "a.ome.zarr"
    write_image(image, np.zeros((4, 20, 30), np.uint8), version=version)
    for label in ("cells", "nuclei"):
        made = create_labels(image / "labels" / label, (4, 20, 30), grid_of(image))
        made[1, 2, 3] = 5
    assert is_label_folder(image / "labels" / "cells")
    assert not is_label_folder(tmp_path / "labels" / "cells")
    listed = dict(zarr.open_group(str(image / "labels"), mode="r").attrs)
    listed = listed if version == "0.4" else listed["ome"]
    assert listed["labels"] == ["cells", "nuclei"]
    assert (image / "labels" / "cells" / name).is_file()
    assert chunks_of(image / "labels" / "cells") == [chunk]
    said = dict(zarr.open_group(str(image / "labels" / "cells"), mode="r").attrs)
    said = said if version == "0.4" else said["ome"]
    assert said["image-label"]["source"] == {"image": "../../"}
    assert read_volume(image / "labels" / "cells").same_grid(read_volume(image))
    assert np.array_equal(open_labels(image / "labels" / "cells")[1, 2], made[1, 2])


def test_labels_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "l.ome.zarr"

    def fail() -> None:
        with whole_labels(path, SHAPE) as labels:
            labels[0] = 3
            assert not path.exists()
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fail()
    assert list(tmp_path.iterdir()) == []
    for value in (3, 4):  # labels that are there are replaced
        with whole_labels(path, SHAPE) as labels:
            labels[0, :5] = value
        assert labels[0, 0, 0] == value
        labels[0, 0, 0] = 9  # where they lie now
        assert open_labels(path)[0, 0, :2].tolist() == [9, value]
    assert [entry.name for entry in tmp_path.iterdir()] == ["l.ome.zarr"]


def test_other_things_are_not_replaced(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", np.zeros((4, 20, 30), np.uint8))
    (tmp_path / "b.zarr").mkdir()
    for name in ("a.zarr", "b.zarr"):
        with (
            pytest.raises(OutputError, match="holds no labels"),
            whole_labels(tmp_path / name, SHAPE),
        ):
            pass
    with pytest.raises(OutputError, match="something of that name"):
        create_labels(tmp_path / "a.zarr", SHAPE)
    with pytest.raises(OutputError, match="no folder"), whole_labels(tmp_path / "n/l.zarr", SHAPE):
        pass


def not_there(path: Path) -> Any:
    return path / "none.zarr"


def floats(path: Path) -> Any:
    write_image(path / "f.zarr", np.zeros((4, 20, 30), np.float32))
    return path / "f.zarr"


def tiff(path: Path) -> Any:
    (path / "l.tif").write_bytes(b"x")
    return path / "l.tif"


def more_axes(path: Path) -> Any:
    write_image(path / "m.zarr", np.zeros((1, 4, 20, 30), np.uint8), "czyx")
    return path / "m.zarr"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (not_there, FileNotFoundError, "no labels"),
        (floats, FileFormatError, "holds float32; labels are whole numbers"),
        (tiff, FileFormatError, "no zarr folder"),
        (more_axes, FileFormatError, "give labels of the axes ZYX alone"),
    ],
)
def test_what_cannot_be_opened(tmp_path: Path, make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        open_labels(make(tmp_path))


def test_axes_that_ome_zarr_has_not(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="two to four axes"):
        create_labels(tmp_path / "l.zarr", (1, 2, 3, 4, 5))


def test_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_labels(tmp_path / "l.zarr", SHAPE)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputError, match="no permission"):
        open_labels(tmp_path / "l.zarr")
    with (
        pytest.raises(OutputError, match="no permission"),
        whole_labels(tmp_path / "m.zarr", SHAPE),
    ):
        pass
