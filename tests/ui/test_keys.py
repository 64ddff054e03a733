"""Keys: where they come from, that none is napari's, and that they can be changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from app_model.types import KeyBinding
from napari._app_model import get_app_model
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes, Surface, Tracks, Vectors
from napari.utils.action_manager import action_manager
from napari.utils.shortcuts import default_shortcuts
from npe2 import PluginManifest

import napari_samara
from napari_samara.ui import commands, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = PluginManifest.from_file(Path(napari_samara.__file__).parent / "napari.yaml")

# Undo and redo go on where napari has the same keys, in Labels layers, for the same purpose.
EXTENDED = {"undo", "redo"}


def napari_keys() -> set[str]:
    """Every key that napari binds by itself: remappable, in classes, and in menus."""
    found = {str(key) for given in default_shortcuts.values() for key in given}
    for kind in (ViewerModel, Layer, Image, Labels, Points, Shapes, Surface, Tracks, Vectors):
        for key, function in kind.class_keymap.items():
            if "napari_samara" not in getattr(function, "__module__", ""):
                found.add(str(key))
    found |= {str(rule.keybinding) for rule in get_app_model().keybindings}
    return found


@pytest.fixture
def bound() -> Iterator[None]:
    """Bind the keys, and leave them as they were by default."""
    keys.bind_keys()
    yield
    for name, default in keys.default_keys().items():
        action_manager.unbind_shortcut(f"napari-samara:{name}")
        action_manager.bind_shortcut(f"napari-samara:{name}", default)


def test_no_key_is_one_of_napari() -> None:
    ours = {name: str(key) for name, key in keys.default_keys().items()}
    taken = napari_keys() - {str(key) for key in keys.default_keys().values()}
    taken |= {str(key) for given in default_shortcuts.values() for key in given}
    assert {name for name, key in ours.items() if key in taken} <= EXTENDED


def test_no_key_is_used_twice() -> None:
    ours = [str(key) for key in keys.default_keys().values()]
    assert len(set(ours)) == len(ours)


def test_each_key_belongs_to_a_command_and_each_command_to_a_function() -> None:
    titles = {command.id: command.python_name for command in MANIFEST.contributions.commands}
    for name in keys.default_keys():
        assert titles[f"napari-samara.{name}"] == f"napari_samara.ui.commands:{name}"
        assert callable(getattr(commands, name))
    assert set(commands.NAMES) == set(keys.default_keys())


def test_keys_are_viewer_wide_actions_of_napari(bound: None) -> None:
    for key in keys.default_keys().values():
        assert key in ViewerModel.class_keymap


def test_a_changed_key_is_followed(bound: None) -> None:
    action_manager.unbind_shortcut("napari-samara:accept")
    assert keys.key_text("accept") == ""
    action_manager.bind_shortcut("napari-samara:accept", KeyBinding.from_str("Ctrl+Shift+H"))
    assert "H" in keys.key_text("accept")


def test_labels_get_their_own_keys_back(bound: None) -> None:
    layer = Labels(__import__("numpy").zeros((4, 4), int))
    done: list[Any] = []
    keys.bind_in_labels(layer, {"undo": lambda: done.append(1)})
    ((_, function),) = layer.keymap.items()
    function(layer)
    keys.unbind_in_labels(layer, ["undo"])
    assert done == [1]
    assert not layer.keymap


@pytest.mark.parametrize("name", commands.NAMES)
def test_commands_without_an_annotation_do_nothing(name: str) -> None:
    viewer = ViewerModel()
    assert getattr(commands, name)(viewer) is None
    assert len(viewer.layers) == 0
