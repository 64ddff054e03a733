"""Samara in napari: annotate images with live previews, from the dock widget or from a script."""

from __future__ import annotations

from importlib import import_module

from napari_samara.errors import MissingExtraError

_HOME_OF = {
    "Annotator": "napari_samara.ui.annotator",
    "annotate": "napari_samara.ui.script",
}

__all__ = ["Annotator", "annotate"]


def __getattr__(name: str) -> object:
    """Import and return the public name `name` on first use: napari starts quicker."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        if error.name not in ("napari", "qtpy", "superqt"):
            raise
        raise MissingExtraError(
            f"{error.name} is not installed; pip install 'napari-samara[napari]' brings the viewer"
        ) from error
    globals()[name] = value
    return value
