"""What accepting, deleting and merging do to labels and records, as drafts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.crops import turned_box
from napari_samara.errors import SessionError
from napari_samara.prompts import PromptSet
from napari_samara.prompts import mask as mask_prompt
from napari_samara.session.draft import Brush, Draft
from napari_samara.session.objects import ObjectRecord, OpenObject
from napari_samara.session.request import upright

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_samara.planes import Plane
    from napari_samara.session.candidates import Candidate
    from napari_samara.session.decoding import Answer
    from napari_samara.session.label_book import LabelBook


def accept_answers(
    book: LabelBook,
    opened: OpenObject,
    answers: Mapping[Plane, Answer],
    brush: Brush,
    klass: str | None,
) -> tuple[Draft, ObjectRecord]:
    """Paint the chosen mask of every plane that the open object has prompts in.

    Parameters
    ----------
    book : LabelBook
        Not changed.
    opened : OpenObject
        Its prompts and choices.
    answers : mapping of Plane to Answer
        By upright plane.
    brush : Brush
        With the label.
    klass : str or None
        Class of the object; None keeps that of a reopened one.

    Returns
    -------
    Draft, ObjectRecord
        The record without area and boxes, which the draft counts.

    Raises
    ------
    SessionError
        If no pixel can be written.
    """
    old = book.records.get(brush.label)
    draft = book.draft()
    parts = {upright(part.plane): part for part in old.parts} if old else {}
    prompted = (at for at, part in parts.items() if part.scores and part.doubt is None)
    for plane in [at for at in prompted if at not in answers]:
        if brush.replacing:  # its prompts were taken away
            draft.relabel(parts.pop(plane).plane, brush.label, 0)
    written = 0
    for plane, answer in answers.items():
        part = answer.part(min(opened.choice(plane), len(answer.masks) - 1))
        row0, col0, row1, col1 = part.box
        crop = answer.masks[part.choice].data[row0:row1, col0:col1]
        written += draft.paint(part.plane, part.box, crop, brush)
        parts[plane] = part
    if not written:
        raise SessionError(_why_nothing(opened, answers, brush.mode))
    klass = klass if klass is not None or old is None else old.klass
    return draft, ObjectRecord(brush.label, opened.prompts, tuple(parts.values()), 0, klass, now())


def accept_candidates(
    book: LabelBook, candidates: Sequence[Candidate], mode: str, klass: str | None = None
) -> tuple[Draft, dict[int, ObjectRecord]]:
    """Paint many masks, each with a label of its own; the better score gets a shared pixel.

    Parameters
    ----------
    book : LabelBook
        Not changed.
    candidates : sequence of Candidate
        In the order of their labels.
    mode : str
        What they may write over; never over each other.
    klass : str, optional
        Class of all of them.

    Returns
    -------
    Draft, dict of int to ObjectRecord
        Without those that have no pixel to write, whose labels stay free.

    Raises
    ------
    SessionError
        If the labels cannot hold that many objects.
    """
    first = book.free_label(count=max(1, len(candidates)))
    draft = book.draft()
    order = sorted(range(len(candidates)), key=lambda at: -candidates[at].score)
    made: dict[int, ObjectRecord] = {}
    own = range(first, first + len(candidates))
    for at in order:
        found = candidates[at]
        brush = Brush(own[at], mode, (*book.records, *own), apart=first)
        if draft.paint(found.plane, found.box, found.crop, brush):
            made[own[at]] = ObjectRecord(own[at], found.prompts, (found.part,), 0, klass, now())
    return draft, dict(sorted(made.items()))


def erase(book: LabelBook, label: int, like: Plane) -> Draft:
    """Take all pixels of a label away.

    Parameters
    ----------
    book : LabelBook
        Not changed.
    label : int
        With or without a record.
    like : Plane
        Its axes tell the slices to look in where there is no record.

    Returns
    -------
    Draft
        One edit for each plane.

    Raises
    ------
    SessionError
        If the labels do not have it.
    """
    draft = book.draft()
    for plane in book.planes_of(label, like):
        draft.relabel(plane, label, 0)
    if not draft.edits and label not in book.records:
        raise SessionError(f"there is no object {label} in the labels")
    return draft


def merge(book: LabelBook, keep: int, other: int, like: Plane) -> tuple[Draft, ObjectRecord]:
    """Give the pixels of one object to another.

    Parameters
    ----------
    book : LabelBook
        Not changed.
    keep, other : int
        Labels, with or without records.
    like : Plane
        As for `erase`.

    Returns
    -------
    Draft, ObjectRecord
        The record has the prompts of both.

    Raises
    ------
    SessionError
        If they are the same or the labels do not have one of them.
    """
    if keep == other:
        raise SessionError(f"object {keep} cannot be merged with itself")
    if not book.planes_of(keep, like):
        raise SessionError(f"there is no object {keep} in the labels")
    draft = book.draft()
    for plane in book.planes_of(other, like):
        draft.relabel(plane, other, keep)
    if not draft.edits:
        raise SessionError(f"there is no object {other} in the labels")
    one = book.records.get(keep, ObjectRecord(keep, PromptSet(), (), 0))
    two = book.records.get(other, ObjectRecord(other, PromptSet(), (), 0))
    parts = {part.plane: part for part in (*two.parts, *one.parts)}
    return draft, replace(
        one,
        prompts=PromptSet([*one.prompts, *two.prompts]),
        parts=tuple(parts.values()),
        klass=one.klass or two.klass,
        accepted=now(),
    )


def reopened(book: LabelBook, label: int, like: Plane) -> OpenObject:
    """Open object of a label.

    Parameters
    ----------
    book : LabelBook
        Not changed.
    label : int
        With a record, or any that the labels have in the plane.
    like : Plane
        Where the label lies if it has no prompts: its mask becomes the prompt.

    Returns
    -------
    OpenObject
        With the prompts and choices it was accepted with.

    Raises
    ------
    SessionError
        If there is no such object.
    """
    record = book.records.get(label)
    if record is not None and len(record.prompts):
        chosen = tuple((upright(part.plane), part.choice) for part in record.parts if part.choice)
        crops = tuple(
            (upright(part.plane), turned_box(part.crop) if part.plane.transposed else part.crop)
            for part in record.parts
            if part.scores and part.doubt is None
        )
        return OpenObject(record.prompts, label, chosen, crops=crops)
    planes = book.planes_of(label, like)
    if not planes:
        raise SessionError(f"there is no object {label} in the labels")
    plane = upright(like if like in planes else planes[0])
    axes = tuple(axis for axis, _ in plane.fixed)
    at = tuple(index for _, index in plane.fixed)
    inside = np.asarray(plane.extract(book.labels) == label)
    single = len(axes) == 1
    prompt = mask_prompt(
        inside, axis=axes[0] if single else axes or None, index=at[0] if single else at or None
    )
    return OpenObject(PromptSet([prompt]), label)


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _why_nothing(opened: OpenObject, answers: Mapping[Plane, Answer], mode: str) -> str:
    chosen = (
        answer.masks[min(opened.choice(plane), len(answer.masks) - 1)]
        for plane, answer in answers.items()
    )
    if all(mask.area == 0 for mask in chosen):
        return "the mask is empty; move the prompts or choose another candidate"
    return (
        f"other labels cover the whole mask, and mode {mode!r} keeps them: set session.mode to "
        "'overwrite' to paint over them"
    )
