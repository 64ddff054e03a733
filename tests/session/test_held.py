"""Prompts that were not accepted yet are in the journal, those of many objects too."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.session.test_many import PLACES, seeds

from napari_samara.errors import FileFormatError
from napari_samara.prompts import PromptSet, box, mask, point, scribble
from napari_samara.session import Session, read_session, recover
from napari_samara.session.candidates import Seeds
from napari_samara.session.held import Held, seeds_after, seeds_step
from napari_samara.session.journal import JOURNAL_FILE, SESSION_FILE
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opener = Callable[..., Session]

SET = PromptSet.from_objects(
    {
        1: [point(3, 4)],
        2: [box(1, 2, 8, 9), point(4, 4, positive=False)],
        5: [mask(np.eye(9, dtype=bool))],
        3: [point(3, 4)],
    }
)
PICKED = frozenset({(PromptSet(SET.objects[2]), True), (PromptSet([point(3, 4)]), False)})
CHANGES = [
    (Seeds(), Seeds(SET)),
    (Seeds(SET), Seeds(SET, PICKED)),
    (Seeds(SET, PICKED), Seeds(SET.remove(0), PICKED)),
    (Seeds(SET), Seeds(SET.add(scribble([(1, 1), (5, 5)]), 9))),
    (Seeds(SET, PICKED), Seeds()),
    (Seeds(SET), Seeds(SET.replace(1, box(0, 0, 4, 4)))),
]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_step_leads_from_one_to_the_other(before: Seeds, after: Seeds) -> None:
    step = json.loads(json.dumps(seeds_step(before, after)))
    assert seeds_after(before, step) == after


def test_one_more_prompt_is_all_that_is_written() -> None:
    many = PromptSet.from_objects({n: [point(n, n)] for n in range(1, 500)})
    held = Held(seeds=Seeds(many)).entries(Held(seeds=Seeds(many.remove(498))))
    assert len(held["many"]["prompts"]) == 1
    assert "many" not in Held(seeds=Seeds(many)).entries(Held(seeds=Seeds(many)))


@pytest.mark.parametrize(
    "step",
    [
        {},
        {"keep": 9, "prompts": [], "picks": []},
        {"keep": 0, "prompts": [[0, {"kind": "point"}]], "picks": []},
        {"keep": 0, "prompts": [], "picks": [[[4], True]]},
        {"keep": None, "prompts": [], "picks": []},
    ],
)
def test_what_is_no_step(step: dict[str, Any]) -> None:
    with pytest.raises(FileFormatError, match=r"many objects|cannot be kept"):
        seeds_after(Seeds(), step)


@pytest.mark.parametrize("undoable", [True, False])
def test_prompts_of_many_objects_come_back(
    open_: Opener, image: np.ndarray, tmp_path: Path, undoable: bool
) -> None:
    session = open_(image, journal=tmp_path / "a")
    session.add(point(40, 50))
    session.accept()
    session.at_least = 0.49
    session.many(seeds(*PLACES[:3]), undoable=undoable)
    session.pick([0, 1])
    session.many(seeds(*PLACES), undoable=undoable)
    shutil.copytree(tmp_path / "a", tmp_path / "killed")

    saved = recover(tmp_path / "killed")
    assert saved is not None
    assert saved.held.prompts == 4
    again = open_(image, journal=tmp_path / "killed", saved=saved)
    assert again.seeds == seeds(*PLACES)
    assert again.at_least == 0.49
    assert again.picked == session.picked == (0, 1, 3)
    assert [one.box for one in again.batch] == [one.box for one in session.batch]
    again.undo()
    assert len(again.seeds) == 0
    again.redo()
    assert again.picked == (0, 1, 3)
    assert len(again.accept_many()) == 3
    assert recover(tmp_path / "killed").held.prompts == 0  # type: ignore[union-attr]
    again.undo()
    assert recover(tmp_path / "killed").held.seeds.prompts == seeds(*PLACES)  # type: ignore[union-attr]


def test_nothing_but_prompts_of_many_objects_is_gone_on_with(
    open_: Opener, image: np.ndarray, tmp_path: Path
) -> None:
    session = open_(image, journal=tmp_path / "a")
    session.many(seeds(*PLACES), undoable=True)
    assert recover(tmp_path / "a").held.prompts == 4  # type: ignore[union-attr]
    session.save(tmp_path / "a.samara.json")
    assert read_session(tmp_path / "a.samara.json").held.seeds.prompts == seeds(*PLACES)
    session.close()  # compacts
    assert (tmp_path / "a" / JOURNAL_FILE).read_bytes() == b""
    assert recover(tmp_path / "a").held.seeds.prompts == seeds(*PLACES)  # type: ignore[union-attr]


def test_files_of_before_are_read(open_: Opener, image: np.ndarray, tmp_path: Path) -> None:
    session = open_(image, journal=tmp_path / "a")
    session.add(point(40, 50))
    session.accept()
    session.close()
    path = tmp_path / "a" / SESSION_FILE
    document = json.loads(path.read_text(encoding="utf-8"))
    document.pop("at_least")
    assert "many" not in document
    path.write_text(json.dumps(document), encoding="utf-8")
    again = open_(image, saved=recover(tmp_path / "a"))
    assert list(again.objects) == [1]
    assert again.at_least == 0


def test_options_that_were_changed_after_the_first_step_come_back(
    open_: Opener, image: np.ndarray, tmp_path: Path
) -> None:
    session = open_(image, journal=tmp_path / "a")
    session.add(point(40, 50))
    session.accept()
    session.mode, session.settings = "overwrite", PredictSettings(fill_holes=True)
    session.add(point(10, 10))
    again = open_(image, saved=recover(tmp_path / "a"))
    assert (again.mode, again.settings.fill_holes) == ("overwrite", True)
