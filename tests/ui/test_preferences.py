"""What was chosen for saving is there at the next start, whatever became of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_samara.ui.preferences import Preferences, config_dir


@pytest.fixture
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAMARA_AUTOSAVE")


@pytest.mark.usefixtures("no_variable")
@pytest.mark.parametrize(
    "chosen",
    [Preferences(), Preferences("/data/mine"), Preferences(None, False, True), Preferences("x")],
)
def test_round_trip(chosen: Preferences) -> None:
    chosen.store()
    assert Preferences.load() == chosen


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"root": 3', "null"])
def test_a_file_that_cannot_be_read_is_as_none(text: str) -> None:
    config_dir().mkdir(parents=True)
    (config_dir() / "autosave.json").write_text(text, encoding="utf-8")
    assert Preferences.load() == Preferences()


def test_a_folder_that_cannot_be_written_holds_for_this_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("SAMARA_CONFIG", str(tmp_path / "file"))
    Preferences("/data").store()
    assert Preferences.load() == Preferences()


def test_the_variable_comes_before_what_was_chosen_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Preferences("/data/mine", embeddings=False).store()
    monkeypatch.setenv("SAMARA_AUTOSAVE", str(tmp_path / "theirs"))
    found = Preferences.load()
    assert found.folder == tmp_path / "theirs"
    assert not found.embeddings
    assert Preferences("/data/mine").folder == Path("/data/mine")
    monkeypatch.delenv("SAMARA_AUTOSAVE")
    assert Preferences.load().folder == Path("/data/mine")
    assert Preferences().folder == Path.home() / "napari-samara"
