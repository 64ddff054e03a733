"""Tests of labels in a zarr folder as an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from napari_samara.errors import OutputError
from napari_samara.formats.ome_labels import create_labels, open_labels
from napari_samara.formats.stored_labels import StoredLabels

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (20, 300, 520)


def chunks_of(path: Path) -> list[str]:
    folder = path / "0" / "c"
    return sorted(
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
    )


def test_writes_touch_only_their_boxes(tmp_path: Path) -> None:
    labels = create_labels(tmp_path / "l.ome.zarr", SHAPE)
    labels[9, 10:20, 250:260] = 7
    assert chunks_of(tmp_path / "l.ome.zarr") == ["1/0/0", "1/0/1"]
    assert labels[9, 15, 255] == 7
    again = open_labels(tmp_path / "l.ome.zarr")
    assert not again.blank
    assert again.highest == 7
    assert sum(int((block > 0).sum()) for block in again.written()) == 100


def test_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = create_labels(tmp_path / "l.zarr", SHAPE)
    monkeypatch.setattr(type(labels.array), "__setitem__", full)
    with pytest.raises(OutputError, match=r"cannot write the labels .*l\.zarr: No space left"):
        labels[0] = 1


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_clear_leaves_no_label(tmp_path: Path) -> None:
    labels = create_labels(tmp_path / "l.ome.zarr", SHAPE)
    labels[9, 10:20, 250:260] = 7
    labels[19, 299, 519] = 1
    assert len(list(labels.written())) == 3
    labels.clear()
    assert not np.asarray(labels).any()
    assert open_labels(tmp_path / "l.ome.zarr").highest == 0


@pytest.mark.parametrize("options", [{"zarr_format": 2}, {"shards": (4, 6, 8)}, {}])
def test_arrays_of_others(tmp_path: Path, options: Any) -> None:
    array = zarr.create_array(
        str(tmp_path / "a"), shape=(5, 7, 9), chunks=(2, 3, 4), dtype="uint16", **options
    )
    labels = StoredLabels(array, tmp_path / "a")
    assert labels.blank
    labels[4, 6, 8] = 300
    assert labels.highest == 300
    assert [block.max() for block in labels.written()] == [300]


def test_has_the_labels_of_an_array(tmp_path: Path) -> None:
    labels, other = create_labels(tmp_path / "l.ome.zarr", SHAPE), np.zeros(SHAPE, np.int32)
    assert labels.has(other)
    labels[9, 10:20, 250:260] = other[9, 10:20, 250:260] = 7
    assert labels.has(other)
    other[0, 0, 0] = 1  # where nothing was written
    assert not labels.has(other)
    other[0, 0, 0], other[9, 15, 255] = 0, 8
    assert not labels.has(other)
    assert not labels.has(other[:5])
