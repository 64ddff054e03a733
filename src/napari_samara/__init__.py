"""Segment Anything for napari, and the same models headless from Python.

Every public name is imported on first use, so that ``import napari_samara`` itself loads
neither torch nor napari.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

_HOME_OF = {
    "clean_up": "napari_samara.cleanup",
    "embed": "napari_samara.api",
    "evaluate": "napari_samara.api",
    "find_all": "napari_samara.automatic_api",
    "find_similar": "napari_samara.similar_api",
    "finetune": "napari_samara.api",
    "list_checkpoints": "napari_samara.api",
    "load": "napari_samara.api",
    "measure": "napari_samara.measures",
    "open_session": "napari_samara.session_api",
    "replay": "napari_samara.session_api",
    "segment": "napari_samara.api",
    "segment_all": "napari_samara.automatic_api",
    "segment_volume": "napari_samara.volume_api",
}
"""The module that defines each public name: one line adds a name."""

__all__ = [
    "__version__",
    "clean_up",
    "embed",
    "evaluate",
    "find_all",
    "find_similar",
    "finetune",
    "list_checkpoints",
    "load",
    "measure",
    "open_session",
    "replay",
    "segment",
    "segment_all",
    "segment_volume",
]


def __getattr__(name: str) -> object:
    """Import and return the public name `name` on first use."""
    if name == "ui":  # napari is imported by what is used of it
        return import_module("napari_samara.ui")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, imported or not."""
    return sorted({*globals(), *_HOME_OF, "ui"})
