"""Accepted and open objects as propagation takes them, and what it found as labels and records."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import SessionError
from napari_samara.session.draft import Brush, Draft
from napari_samara.session.events import Status
from napari_samara.session.request import decodable, upright
from napari_samara.session.verbs import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_samara.engine.volume_fronts import Known
    from napari_samara.engine.volume_slices import SliceMask, Slices
    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.prompts import PromptSet
    from napari_samara.session.decoding import Answer
    from napari_samara.session.label_book import LabelBook
    from napari_samara.session.objects import ObjectPart, ObjectRecord, OpenObject

OPEN = 0
"""Number of an open object that has no label yet."""


@dataclass(eq=False)
class Propagated:
    """Objects on their way through a volume; labels change when it is at its end.

    Attributes
    ----------
    records : dict of int to ObjectRecord
        The accepted objects that are followed, as they were then.
    opened : OpenObject or None
        The open object, if that is followed, as it was then.
    answers : mapping of Plane to Answer
        Its masks.
    done, total : int
        Slices times objects.
    stopping : bool
        Whether it ends with what it has.
    landed : tuple of int
        Labels that were written, once it is at its end.
    failed : str
        Why nothing was written.
    status : Status
        What the model is doing.
    """

    records: dict[int, ObjectRecord]
    opened: OpenObject | None = None
    answers: Mapping[Plane, Answer] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    stopping: bool = False
    landed: tuple[int, ...] = ()
    failed: str = ""
    status: Status = field(default_factory=Status)

    @property
    def ended(self) -> bool:
        """Whether it is at its end."""
        return bool(self.landed or self.failed)


def known_of_record(record: ObjectRecord, slices: Slices, labels: Any) -> Known:
    """Tell which slices of an accepted object are sure, and which an earlier run has found.

    Parameters
    ----------
    record : ObjectRecord
        Slices that it was prompted or painted in are sure.
    slices : Slices
        Others are left alone.
    labels : array of int
        Where its pixels are.

    Returns
    -------
    Known
        Slices with nothing but negative prompts are those it is not in.
    """
    from napari_samara.engine.volume_fronts import Known
    from napari_samara.engine.volume_slices import PROPAGATED, SliceMask

    masks, present = {}, {}
    for part in record.parts:
        plane = upright(part.plane)
        index = _index(slices, plane)
        if index is None:
            continue
        data = np.asarray(plane.extract(labels) == record.label)
        if not data.any():
            continue
        if part.doubt is None:
            masks[index] = SliceMask.of(data)
        else:
            made = SliceMask.of(data, part.scores[0] if part.scores else 1.0, PROPAGATED)
            present[index] = replace(made, doubt=part.doubt, reason=part.reason)
    return Known(masks, _stops(record.prompts, slices) - set(masks), present)


def followed_parts(record: ObjectRecord) -> list[tuple[ObjectPart, float]]:
    """Return the slices that an object was followed to, with what is at stake in each.

    Parameters
    ----------
    record : ObjectRecord
        Of an accepted object; slices along other axes count by themselves.
    """
    from napari_samara.engine.volume_quality import shares_behind

    stacks: dict[Any, dict[int, ObjectPart]] = {}
    for part in record.parts:
        stack = stacks.setdefault((part.plane.axis, part.plane.rest), {})
        stack[part.plane.index or 0] = part
    found = []
    for parts in stacks.values():
        given = [index for index, part in parts.items() if part.doubt is None]
        shares = shares_behind({index: _room(part.box) for index, part in parts.items()}, given)
        found += [(parts[index], (parts[index].doubt or 0.0) * shares[index]) for index in shares]
    return found


def _room(box: PixelBox) -> int:
    """Pixels of a box: about what an object in it has."""
    return (box[2] - box[0]) * (box[3] - box[1])


def known_of_open(
    opened: OpenObject, answers: Mapping[Plane, Answer], slices: Slices, old: Known | None
) -> Known:
    """Tell in which slices the open object is, and in which it is not.

    Parameters
    ----------
    opened : OpenObject
        Its prompts and choices.
    answers : mapping of Plane to Answer
        By upright plane.
    slices : Slices
        Answers elsewhere are left alone.
    old : Known or None
        Of the object it was reopened from.

    Returns
    -------
    Known
        Answers go before what was accepted.
    """
    from napari_samara.engine.volume_fronts import Known
    from napari_samara.engine.volume_slices import SliceMask

    masks = {}
    for plane, answer in answers.items():
        index = _index(slices, plane)
        mask = answer.masks[min(opened.choice(plane), len(answer.masks) - 1)]
        if index is not None and mask.area:
            data = mask.data.T if answer.request.plane.transposed else mask.data
            masks[index] = SliceMask.of(np.ascontiguousarray(data), mask.score)
    stops = _stops(opened.prompts, slices)
    if old is None:
        return Known(masks, stops - set(masks))
    every = {i: mask for i, mask in old.masks.items() if i not in stops} | masks
    present = {i: m for i, m in old.present.items() if i not in every}
    return Known(every, (old.stops | stops) - set(masks), present)


def painted_slices(
    book: LabelBook,
    drafted: tuple[Draft, ObjectRecord],
    slices: Slices,
    found: tuple[Known, Mapping[int, SliceMask]],
    like: ObjectPart,
) -> ObjectRecord:
    """Paint what was found of an object; other labels keep their pixels.

    Parameters
    ----------
    book : LabelBook
        Not changed.
    drafted : tuple of Draft, ObjectRecord
        Edits are added to the first; the second has the label and the parts that are sure.
    slices : Slices
        Where.
    found : tuple of Known, mapping of int to SliceMask
        What was known, and all slices at the end by index.
    like : ObjectPart
        With contrast, settings and checkpoint of all slices.

    Returns
    -------
    ObjectRecord
        With parts that know their doubt; area and boxes are counted by the draft.
    """
    draft, record = drafted
    known, masks = found
    parts = {upright(part.plane): part for part in record.parts}
    brush = Brush(record.label, "keep", tuple(book.records), replacing=True)
    for index in known.present:
        if index not in masks:
            plane = slices.plane(index)
            draft.relabel(plane, record.label, 0)
            parts.pop(plane, None)
    for index, mask in masks.items():
        plane = slices.plane(index)
        if index in known.masks or (known.present.get(index) is mask and plane in parts):
            continue
        if draft.paint(plane, mask.box, mask.crop, brush):
            parts[plane] = replace(
                like,
                plane=plane,
                box=mask.box,
                scores=(mask.score,),
                doubt=mask.doubt,
                reason=mask.reason,
            )
        else:
            parts.pop(plane, None)
    return replace(record, parts=tuple(parts.values()), accepted=now())


def others_of(labels: Any, own: set[int], plane: Plane) -> NDArray[np.bool_]:
    """Return which pixels of a plane have labels other than some."""
    here = plane.extract(labels)
    return np.asarray((here != 0) & ~np.isin(here, list(own)))


def require_known(known: Mapping[int, Known], axis: int) -> None:
    """Refuse objects that are known in no slice.

    Parameters
    ----------
    known : mapping of int to Known
        By label.
    axis : int
        Of the slices.

    Raises
    ------
    SessionError
        Naming the first one.
    """
    for number, one in known.items():
        if not one.masks:
            name = f"object {number}" if number else "the open object"
            raise SessionError(
                f"{name} has no mask on a slice along axis {axis}: prompt or paint it on one first"
            )


def _stops(prompts: PromptSet, slices: Slices) -> frozenset[int]:
    found = set()
    for plane, group in prompts.by_plane(slices.shape).items():
        index = _index(slices, plane)
        if index is not None and not decodable(group):
            found.add(index)
    return frozenset(found)


def _index(slices: Slices, plane: Plane) -> int | None:
    """Return which of the slices a plane is; None for none of them."""
    fixed = dict(plane.fixed)
    index = fixed.pop(slices.axis, None)
    return index if fixed == dict(slices.rest) else None
