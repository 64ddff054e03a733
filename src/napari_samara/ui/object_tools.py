"""Accepted objects and the viewer: going to one, refining one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_samara.errors import PromptError
from napari_samara.prompts import mask
from napari_samara.ui.navigation import show_object

if TYPE_CHECKING:
    from napari_samara.ui.annotator import Annotator


def look_at(annotator: Annotator, label: int) -> None:
    """Bring an accepted object into view and select its label.

    Parameters
    ----------
    annotator : Annotator
        Of the annotation.
    label : int
        Of a record; one without record or pixels is only selected.
    """
    annotator.selected = label
    record = annotator.session.objects.get(label)
    if record is not None:
        show_object(annotator.viewer, annotator.binding, record)


def step(annotator: Annotator, by: int) -> None:
    """Go to the object after or before the selected one, in a circle.

    Parameters
    ----------
    annotator : Annotator
        Of the annotation.
    by : int
        1 or -1.
    """
    labels = list(annotator.session.objects)
    if not labels:
        annotator.message.emit("There are no objects yet.")
        return
    later = [label for label in labels if (label - annotator.selected) * by > 0] or labels
    look_at(annotator, min(later) if by > 0 else max(later))


def refine(annotator: Annotator, label: int) -> None:
    """Make a label of the current plane a prompt: its mask, box and deepest point.

    Parameters
    ----------
    annotator : Annotator
        Of the annotation.
    label : int
        In the labels layer, accepted or not.

    Raises
    ------
    PromptError
        If it is not in this plane.
    """
    plane = annotator.session.plane
    here = np.asarray(plane.extract(annotator.layers.target)) == label
    if label == 0 or not here.any():
        raise PromptError(f"label {label} is not in this plane; select one that is")
    fixed = dict(plane.fixed)
    prompt = mask(here, axis=tuple(fixed) or None, index=tuple(fixed.values()) or None)
    annotator.session.add(prompt)
