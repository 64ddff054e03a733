"""Commands of the manifest: what the keys, the command palette and the menus call.

napari gives each the viewer it was called in; the annotation that is open there does the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_info

from napari_samara.ui.object_tools import step
from napari_samara.ui.open_annotators import annotator_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_samara.ui.annotator import Annotator

NAMES = (
    "accept",
    "next_candidate",
    "previous_candidate",
    "toggle_sign",
    "undo",
    "redo",
    "clear",
    "reopen",
    "delete",
    "next_object",
    "previous_object",
    "follow",
    "next_doubtful",
    "previous_doubtful",
    "confirm_slice",
)
"""All commands here; ids in the manifest are ``napari-samara.`` and the name."""


def accept(viewer: Viewer) -> None:
    """Write the mask into the labels as the next object.

    Parameters
    ----------
    viewer : napari.Viewer
        With an open annotation; nothing happens without one.
    """
    if annotator := _annotator(viewer):
        annotator.accept()


def next_candidate(viewer: Viewer) -> None:
    """Choose the next of the candidate masks.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.attempt(annotator.session.cycle, 1)


def previous_candidate(viewer: Viewer) -> None:
    """Choose the candidate mask before.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.attempt(annotator.session.cycle, -1)


def toggle_sign(viewer: Viewer) -> None:
    """Draw prompts of the other sign from now on.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.positive = not annotator.positive


def undo(viewer: Viewer) -> None:
    """Take the last step back.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := annotator_of(viewer):
        annotator.undo()


def redo(viewer: Viewer) -> None:
    """Do the step taken back last again.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := annotator_of(viewer):
        annotator.redo()


def clear(viewer: Viewer) -> None:
    """Take the prompts away.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.clear()


def reopen(viewer: Viewer) -> None:
    """Bring back the prompts of the object whose label is selected.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.reopen()


def delete(viewer: Viewer) -> None:
    """Delete the object whose label is selected.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.delete()


def next_object(viewer: Viewer) -> None:
    """Go to the object after the one that is selected.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        step(annotator, 1)


def previous_object(viewer: Viewer) -> None:
    """Go to the object before the one that is selected.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        step(annotator, -1)


def follow(viewer: Viewer) -> None:
    """Follow the open object, or the selected one, through the slices of a volume.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.attempt(annotator.following.begin)


def next_doubtful(viewer: Viewer) -> None:
    """Go to the slice that is a little less doubtful than this one.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.review.step(1)


def previous_doubtful(viewer: Viewer) -> None:
    """Go back to the slice that is a little more doubtful than this one.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.review.step(-1)


def confirm_slice(viewer: Viewer) -> None:
    """Say that the selected object is right on this slice, and go to the next doubtful one.

    Parameters
    ----------
    viewer : napari.Viewer
        As for `accept`.
    """
    if annotator := _annotator(viewer):
        annotator.attempt(annotator.review.confirm)


def _annotator(viewer: Viewer) -> Annotator | None:
    """Annotation of a viewer; a hint to the user where there is none."""
    found = annotator_of(viewer)
    if found is None:
        show_info("Samara: open Plugins > Annotate (Samara) and press Start first.")
    return found
