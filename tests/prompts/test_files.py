"""Tests of prompt files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.errors import FileFormatError, OutputError
from napari_samara.prompts import (
    PromptSet,
    box,
    mask,
    point,
    polygon,
    read_prompts,
    scribble,
    write_prompts,
)

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = PromptSet.from_objects(
    {
        1: [point(5, 10.5, 20), point(5, 1, 2, positive=False), box(0, 1, 8, 9, index=5)],
        7: [scribble([(1, 2), (3, 4)], positive=False, axis=2, index=0)],
        3: [polygon([(1, 1), (1, 9), (8, 8)], index=5), mask(np.eye(12), index=5)],
    }
)


def _document(*prompts: object, **changes: object) -> dict:
    objects = [{"id": 1, "prompts": list(prompts)}]
    return {"format": "samara-prompts", "version": 1, "objects": objects, **changes}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "prompts.json"
    write_prompts(path, EVERYTHING)
    assert read_prompts(path) == EVERYTHING
    assert read_prompts(str(path)) == EVERYTHING
    assert [item.name for item in tmp_path.iterdir()] == ["prompts.json"]


def test_the_published_form(tmp_path: Path) -> None:
    path = tmp_path / "prompts.json"
    path.write_text(
        json.dumps(
            _document(
                {"kind": "point", "at": [5, 30, 40], "positive": True},
                {"kind": "box", "axis": 0, "index": 5, "corners": [10, 20, 50, 60]},
                {
                    "kind": "scribble",
                    "axis": 0,
                    "index": 5,
                    "path": [[1, 2], [3, 4]],
                    "positive": True,
                },
            )
        )
    )
    assert read_prompts(path) == PromptSet(
        [point(5, 30, 40), box(10, 20, 50, 60, index=5), scribble([(1, 2), (3, 4)], index=5)]
    )


def test_prompts_are_grouped_by_object(tmp_path: Path) -> None:
    mixed = PromptSet.from_entries([(1, point(1, 1)), (2, point(2, 2)), (1, point(3, 3))])
    write_prompts(tmp_path / "p.json", mixed)
    assert read_prompts(tmp_path / "p.json").objects == mixed.objects


def test_empty_set(tmp_path: Path) -> None:
    write_prompts(tmp_path / "p.json", PromptSet())
    assert read_prompts(tmp_path / "p.json") == PromptSet()


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(_document({"kind": "point", "at": [1, 2]})), encoding="utf-8-sig")
    assert read_prompts(path) == PromptSet([point(1, 2)])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "format"),
        (3, "format"),
        ({}, "format"),
        ({"format": "samara"}, "format"),
        (_document(version=2), "version 2; this release reads version 1"),
        (_document(version=True), "version True"),
        (_document(version="1"), "version '1'"),
        ({"format": "samara-prompts", "objects": []}, "version None"),
        (_document(objects=None), '"objects" must be a list'),
        (_document(objects=[3]), "object number 0"),
        (_document(objects=[{"id": 1}]), "object number 0"),
        (_document(objects=[{"id": 1, "prompts": []}, {"prompts": []}]), "object number 1 has"),
        (_document(objects=[{"id": 0, "prompts": []}]), "id 0"),
        (_document(objects=[{"id": "1", "prompts": []}]), "id '1'"),
        (_document("point"), "object 1, prompt 0: 'point' is no prompt"),
        (_document({"kind": "star"}), "object 1, prompt 0: prompt kind 'star'"),
        (_document({"kind": "point", "at": [1, 2]}, {"kind": "box"}), "object 1, prompt 1"),
        (_document({"kind": "box", "corners": [3, 3, 3, 9]}), "prompt 0: box .* no height"),
        (_document({"kind": "point", "at": [1, float("nan")]}), "prompt 0: .* finite"),
        (_document({"kind": "point", "at": [1, 2], "positive": "no"}), "positive of a point"),
        (_document({"kind": "mask", "size": [2, 2], "counts": [3]}), "prompt 0: mask prompt"),
        (_document({"kind": "box", "corners": [1, 2, 3, 4], "index": "z"}), "prompt 0"),
    ],
)
def test_bad_documents_name_file_and_place(tmp_path: Path, document: object, message: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=rf"wrong\.json: .*{message}"):
        read_prompts(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"format": "samara-prompts", "version": 1, "obj',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_what_is_no_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.json"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"wrong\.json"):
        read_prompts(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        read_prompts(tmp_path / "gone.json")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "p.json"
    write_prompts(path, PromptSet([point(1, 2)]))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match=r"p\.json: No space left"):
        write_prompts(path, PromptSet([point(3, 4)]))
    assert read_prompts(path) == PromptSet([point(1, 2)])
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        write_prompts(tmp_path / "nowhere" / "p.json", PromptSet())


def test_csv_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"p\.json instead"):
        write_prompts(tmp_path / "p.csv", EVERYTHING)


def test_csv_is_read_by_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "points.CSV"
    path.write_text("index,axis-0,axis-1\r\n0.0,10.5,20.0\r\n1.0,3,4\r\n\r\n", encoding="utf-8-sig")
    assert read_prompts(path) == PromptSet.from_objects({1: [point(10.5, 20)], 2: [point(3, 4)]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table with a header"),
        ("a,b\n1,2\n", "axis-0, axis-1"),
        ("index,axis-0\n0,1\n", "axis-0, axis-1"),
        ("index,axis-0,axis-1\n0,1\n", "row 1 has 2 cells, the header 3"),
        ("index,axis-0,axis-1\n0,1,x\n", "row 1, column axis-1: 'x' is no number"),
        ("index,axis-0,axis-1\n0,1,nan\n", "not finite"),
        ('index,axis-0,axis-1\n0,1,"2\n', "not a table"),
        ("index,shape-type,axis-0,axis-1\n", "lacks the columns vertex-index"),
    ],
)
def test_bad_csv_names_file_and_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=rf"wrong\.csv: .*{message}"):
        read_prompts(path)
