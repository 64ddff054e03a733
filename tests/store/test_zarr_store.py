"""The store on disk."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from tests.store.contract import KEY, StoreContract, embedding_of, same

from napari_samara.embedding import Embedding
from napari_samara.errors import StoreError
from napari_samara.geometry import Frame
from napari_samara.store import EmbeddingStore, ZarrStore

if TYPE_CHECKING:
    from pathlib import Path


class TestZarrStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ZarrStore:
        return ZarrStore(tmp_path / "made" / "v.zarr")


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """The folder of the one entry of the store ``v.zarr``."""
    ZarrStore(tmp_path / "v.zarr").put(embedding_of(KEY))
    return tmp_path / "v.zarr" / KEY.digest()


def test_is_a_store(tmp_path: Path) -> None:
    assert isinstance(ZarrStore(tmp_path / "v.zarr"), EmbeddingStore)


def test_is_plain_zarr(entry: Path) -> None:
    group = zarr.open_group(str(entry.parent), mode="r", zarr_format=3)
    assert group.attrs["format"] == "samara-embeddings"
    array = group[f"{KEY.digest()}/image_embeddings"]
    assert isinstance(array, zarr.Array)
    assert array.dtype == np.float16


def test_can_be_copied(entry: Path, tmp_path: Path) -> None:
    shutil.copytree(entry.parent, tmp_path / "copy")
    assert same(embedding_of(KEY), ZarrStore(tmp_path / "copy").get(KEY))


def files_of(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("damage", ["removed", "cut", "changed"])
def test_what_is_not_whole_is_absent_and_can_be_put_again(
    entry: Path, number: int, damage: str
) -> None:
    file = files_of(entry)[number]
    data = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "changed":
        file.write_bytes(data.replace(data[len(data) // 2 : len(data) // 2 + 2], b"\x00\x7f"))
    store = ZarrStore(entry.parent)
    found = store.get(KEY)
    assert found is None or same(embedding_of(KEY), found)
    store.put(embedding_of(KEY))
    assert same(embedding_of(KEY), store.get(KEY))
    assert not list(entry.parent.glob(".part-*"))


def test_five_files_make_an_entry(entry: Path) -> None:
    assert len(files_of(entry)) == 5


def test_what_killed_writers_left_is_cleared_away(entry: Path) -> None:
    old, new = entry.parent / ".part-old", entry.parent / ".part-new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    ZarrStore(entry.parent).put(embedding_of(replace(KEY, pixels="11")))
    assert not old.exists()
    assert new.exists()


def test_numbers_beyond_float16_stay_whole(tmp_path: Path) -> None:
    store = ZarrStore(tmp_path / "v.zarr")
    given = Embedding(
        {"image_embeddings": np.full((1, 2, 2), 1e6, np.float32)}, Frame(2, 2, 64), KEY
    )
    store.put(given)
    assert same(given, store.get(KEY))


def test_float32_is_exact(tmp_path: Path) -> None:
    store = ZarrStore(tmp_path / "v.zarr", precision="float32")
    numbers = np.random.default_rng(0).normal(size=(3, 4, 4)).astype(np.float32)
    given = Embedding({"image_embeddings": numbers}, Frame(2, 2, 64), KEY)
    store.put(given)
    assert same(given, store.get(KEY))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"photo.png": ""}, "no store of embeddings"),
        ({"zarr.json": "{}"}, "no store of embeddings"),
        ({"zarr.json": '{"attributes": {"format": "samara-embeddings", "version": 9}}'}, "9"),
    ],
)
def test_refuses_something_else(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=message):
        ZarrStore(tmp_path)


def test_refuses_an_unknown_precision(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="int8"):
        ZarrStore(tmp_path, precision="int8")


def test_a_place_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot write"):
        ZarrStore(tmp_path / "file" / "v.zarr").put(embedding_of(KEY))


def test_entries_of_the_first_release_have_no_check_of_their_own(entry: Path) -> None:
    about = json.loads((entry / "zarr.json").read_text())
    del about["attributes"]["samara"]["check"]
    (entry / "zarr.json").write_text(json.dumps(about))
    assert same(embedding_of(KEY), ZarrStore(entry.parent).get(KEY))


def test_a_store_that_another_process_just_makes_can_be_opened(tmp_path: Path) -> None:
    (tmp_path / "v.zarr").mkdir()
    (tmp_path / "v.zarr" / ".zarr.json.0123456789ab.part").write_text("{")
    store = ZarrStore(tmp_path / "v.zarr")
    store.put(embedding_of(KEY))
    assert KEY in store


def test_arrays_as_the_library_writes_them_are_read(entry: Path) -> None:
    name = entry / "image_embeddings"
    array = zarr.open_array(str(name), mode="r")
    values = np.asarray(array[...])
    shutil.rmtree(name)
    zarr.create_array(str(name), data=values, chunks=(4, 4, 4))  # compressed, several chunks
    assert same(embedding_of(KEY), ZarrStore(entry.parent).get(KEY))


def test_arrays_of_the_first_releases_are_read_without_the_library(
    entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their chunk lay three folders deep."""
    name = entry / "image_embeddings"
    values = np.asarray(zarr.open_array(str(name), mode="r")[...])
    shutil.rmtree(name)
    zarr.create_array(str(name), data=values, chunks=values.shape, compressors=None)
    assert (name / "c" / "0" / "0" / "0").is_file()
    monkeypatch.setattr("napari_samara.store.entry._read_by_library", lambda _: pytest.fail("read"))
    assert same(embedding_of(KEY), ZarrStore(entry.parent).get(KEY))


def test_written_as_the_library_writes_it(entry: Path, tmp_path: Path) -> None:
    group = zarr.open_group(str(entry), mode="r", zarr_format=3)
    array = group["image_embeddings"]
    assert isinstance(array, zarr.Array)
    values = np.asarray(array[...])
    assert np.array_equal(values, embedding_of(KEY).image)
    options = {
        "chunks": values.shape,
        "compressors": None,
        "zarr_format": 3,
        "chunk_key_encoding": {"name": "default", "separator": "."},
    }
    zarr.create_array(str(tmp_path / "a"), data=values, **options)
    ours, theirs = (
        json.loads((folder / "zarr.json").read_text())
        for folder in (entry / "image_embeddings", tmp_path / "a")
    )
    assert ours == theirs
    chunks = [folder / "c.0.0.0" for folder in (entry / "image_embeddings", tmp_path / "a")]
    assert chunks[0].read_bytes() == chunks[1].read_bytes()
