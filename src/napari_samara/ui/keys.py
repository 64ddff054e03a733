"""Keys of the commands, as the manifest names them and the user has changed them.

napari does not bind the keys of a manifest by itself yet.  They are given to its action manager,
so that Preferences > Shortcuts shows them, lets the user change them, and finds clashes.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from app_model.types import KeyBinding
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.interactions import Shortcut
from npe2 import PluginManifest

from napari_samara.ui import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari.layers import Labels

PACKAGE = "napari-samara"

_bound: dict[str, list[KeyBinding | str]] = {}
"""Keys of each command as they are now."""


@cache
def default_keys() -> dict[str, KeyBinding]:
    """Key of each command for this operating system, as the manifest has it.

    Returns
    -------
    dict of str to KeyBinding
        By name of the command without the package.
    """
    platform = {"darwin": "mac", "win32": "win"}.get(sys.platform, "linux")
    return {
        binding.command.removeprefix(f"{PACKAGE}."): KeyBinding.from_str(
            getattr(binding, platform) or binding.key
        )
        for binding in _manifest().contributions.keybindings or ()
    }


def bind_keys() -> None:
    """Make the commands actions of napari and bind their keys; a second call changes nothing."""
    if _bound:
        return
    titles = {command.id: command.title for command in _manifest().contributions.commands or ()}
    changed = get_settings().shortcuts.shortcuts
    for name, default in default_keys().items():
        action, title = f"{PACKAGE}:{name}", titles[f"{PACKAGE}.{name}"]
        action_manager.register_action(
            action, getattr(commands, name), f"Samara: {title}", ViewerModel
        )
        _bound[name] = list(changed.get(action, [default]))
        for key in _bound[name]:
            action_manager.bind_shortcut(action, key)
    events = action_manager.events
    name = "shortcut_changed" if "shortcut_changed" in events.emitters else "shorcut_changed"
    getattr(events, name).connect(_on_shortcut_changed)  # napari 0.6 has the second spelling


def bind_in_labels(layer: Labels, actions: Mapping[str, Callable[[], object]]) -> None:
    """Let keys of a Labels layer do what they do elsewhere in an annotation.

    Parameters
    ----------
    layer : napari.layers.Labels
        Of the accepted objects.  napari's own undo, which comes first there, would take back
        pixels without the prompts and the record of the object.
    actions : mapping of str to callable
        What to do, by name of the command.
    """
    for name, action in actions.items():
        for key in _bound.get(name, ()):
            layer.bind_key(key, lambda _, action=action: action(), overwrite=True)


def unbind_in_labels(layer: Labels, names: Iterable[str]) -> None:
    """Give a Labels layer its own meaning of keys back.

    Parameters
    ----------
    layer : napari.layers.Labels
        That `bind_in_labels` was called with.
    names : iterable of str
        Of the commands.
    """
    for name in names:
        for key in _bound.get(name, ()):
            layer.bind_key(key, None)


def key_text(name: str) -> str:
    """Key of a command as the user knows it.

    Parameters
    ----------
    name : str
        Of the command, without the package.

    Returns
    -------
    str
        Empty where the user has taken the key away.
    """
    return " or ".join(Shortcut(key).platform for key in _bound.get(name, ()))


def _manifest() -> PluginManifest:
    """Read the manifest of this package, whether npe2 has found it or not."""
    path = str(resources.files("napari_samara") / "napari.yaml")
    manifest: PluginManifest = PluginManifest.from_file(path)
    return manifest


def _on_shortcut_changed(event: Any) -> None:
    """Follow the user who changes a key; an empty one means that all are taken away."""
    package, _, name = str(event.name).partition(":")
    if package == PACKAGE:
        _bound[name] = [*_bound.get(name, ()), event.shortcut] if event.shortcut else []
