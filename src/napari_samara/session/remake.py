"""Accepted objects decoded again by another model: which, and with what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_samara.engine.crops import WHOLE, CropChoice
from napari_samara.prompts import PromptSet
from napari_samara.session.decoding import decode
from napari_samara.session.decoding_many import Wanted, candidate_of, decode_many
from napari_samara.session.remade import Remade
from napari_samara.session.request import decodable, upright

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from napari_samara.session.candidates import Candidate
    from napari_samara.session.change import Change
    from napari_samara.session.embeddings import Embeddings
    from napari_samara.session.jobs import Report
    from napari_samara.session.objects import ObjectPart, ObjectRecord
    from napari_samara.session.request import Request

BY_HAND = ("paint", "replace labels", "merge", "clean up", "split")
"""Steps after which the pixels of an object are no longer those of its prompts alone."""


@dataclass(frozen=True)
class PlaneWork:
    """Objects of one plane that are decoded together.

    Attributes
    ----------
    wanted : tuple of Wanted
        Under their labels, all with one contrast and one kind of clean-up.
    choices : tuple of int
        Candidate that was taken of each.
    """

    wanted: tuple[Wanted, ...]
    choices: tuple[int, ...]


def changed_by_hand(changes: Iterable[Change]) -> set[int]:
    """Tell which objects are no longer what their prompts gave.

    Parameters
    ----------
    changes : iterable of Change
        All that are done and not undone, in order.

    Returns
    -------
    set of int
        Labels that were painted in, replaced or merged after they were accepted last.
    """
    found: set[int] = set()
    for change in changes:
        for before, after in change.records:
            if after is None:
                found -= {before.label} if before is not None else set()
            elif change.name in BY_HAND:
                found.add(after.label)
            elif before is None or before.accepted != after.accepted:
                found.discard(after.label)
    return found


def work_for(
    records: Mapping[int, ObjectRecord],
    by_hand: set[int],
    shape: tuple[int, ...],
    like: Request,
    name: str,
) -> tuple[Remade, list[PlaneWork]]:
    """List what is to be decoded, plane by plane.

    Parameters
    ----------
    records : mapping of int to ObjectRecord
        By label.
    by_hand : set of int
        As `changed_by_hand` gives it.
    shape : tuple of int
        Of the image, an axis of channels left out.
    like : Request
        Contrast and settings for objects that do not say theirs, and the model.
    name : str
        Of the model.

    Returns
    -------
    Remade, list of PlaneWork
        The first with nothing found yet.
    """
    remade = Remade(name, {})
    groups: dict[Any, list[tuple[Wanted, int]]] = {}
    unprompted: list[int] = []
    painted: list[int] = []
    for label, record in records.items():
        asked = list(_asked(record, shape, like))
        if not asked or label in by_hand:
            (painted if label in by_hand and record.prompts else unprompted).append(label)
            continue
        remade.records[label] = record
        for one, choice in asked:
            request = one.request
            key = request.plane, request.contrast, request.settings
            groups.setdefault(key, []).append((one, choice))
    remade.unprompted, remade.by_hand, remade.total = tuple(unprompted), tuple(painted), len(groups)
    works = []
    for group in groups.values():
        wanted, choices = zip(*group, strict=True)
        works.append(PlaneWork(wanted, choices))
    return remade, works


def decode_again(work: PlaneWork, embeddings: Embeddings, report: Report) -> list[list[Candidate]]:
    """Decode the objects of one plane.

    Parameters
    ----------
    work : PlaneWork
        Which.
    embeddings : Embeddings
        Of the image, with the other model.
    report : Report
        Told how far it is.

    Returns
    -------
    list of list of Candidate
        For each object what it may be: the best mask alone, or, where the user took another
        candidate than the first, all of them.

    Raises
    ------
    CancelledError
        If nobody waits for it any more.
    SamaraError
        What reading, encoding and decoding raise.
    """
    plain = tuple(one for one, choice in zip(work.wanted, work.choices, strict=True) if not choice)
    batch = iter(decode_many(plain, {}, embeddings, report))
    found = []
    for one, choice in zip(work.wanted, work.choices, strict=True):
        if not choice:
            found.append([next(batch)])
            continue
        alone = replace(one.request, prompts=PromptSet(one.request.prompts))
        answer = decode(alone, embeddings, report)
        size = answer.masks[0].data.shape
        found.append(
            [
                replace(
                    candidate_of(one, replace(answer, crop=None), size, number),
                    part=answer.part(number),
                )
                for number in range(len(answer.masks))
            ]
        )
    return found


def _crop_of(part: ObjectPart) -> CropChoice:
    """Return what the mask was found in, for the upright plane."""
    if part.crop is None:
        return WHOLE
    found = CropChoice("fixed", part.crop)
    return found.turned() if part.plane.transposed else found


def _asked(
    record: ObjectRecord, shape: tuple[int, ...], like: Request
) -> Iterator[tuple[Wanted, int]]:
    """Yield what is to be decoded of an object; nothing where one of its planes has no prompts."""
    groups = record.prompts.by_plane(shape)
    parts = {upright(part.plane): part for part in record.parts}
    if not parts or any(at not in groups or not decodable(groups[at]) for at in parts):
        return
    for plane, part in parts.items():
        request = replace(
            like,
            plane=plane,
            prompts=PromptSet(groups[plane], record.label),
            contrast=part.contrast or like.contrast,
            settings=part.settings or like.settings,
            crop=_crop_of(part),
        )
        yield Wanted(request, record.label), part.choice
