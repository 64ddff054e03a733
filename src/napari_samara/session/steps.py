"""One lasting step as plain data, and done again from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_samara.session.change import Change
from napari_samara.session.edits import edit_from_dict
from napari_samara.session.objects import ObjectRecord, OpenObject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.session.draft import RecordChange


def step_of(change: Change, time: str) -> dict[str, Any]:
    """Plain form of a change.

    Parameters
    ----------
    change : Change
        That touches labels or records.
    time : str
        In UTC, ISO 8601.

    Returns
    -------
    dict
        Fit for JSON.
    """
    kept = [after.to_dict() for _, after in change.records if after is not None]
    here = {record["label"] for record in kept}
    gone = [old.label for old, _ in change.records if old is not None and old.label not in here]
    return {
        "do": change.name,
        "time": time,
        "edits": [edit.to_dict() for edit in change.edits],
        "objects": kept,
        "removed": gone,
    }


def redone(step: Mapping[str, Any], labels: Any, records: dict[int, ObjectRecord]) -> Change:
    """Do one step again.

    Parameters
    ----------
    step : mapping
        As `step_of` gives it.
    labels : array of int, all axes of the image
        As they were before it; changed in place.
    records : dict of int to ObjectRecord
        Likewise.

    Returns
    -------
    Change
        What was done.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is no step, or does not fit the labels.
    """
    edits = []
    for data in step["edits"]:
        edit = edit_from_dict(data, labels)
        edit.apply(labels)
        edits.append(edit)
    changed: list[RecordChange] = [(records.pop(label), None) for label in step["removed"]]
    for data in step["objects"]:
        record = ObjectRecord.from_dict(data)
        changed.append((records.get(record.label), record))
        records[record.label] = record
    return Change(str(step["do"]), (OpenObject(), OpenObject()), tuple(edits), tuple(changed))
