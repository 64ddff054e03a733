"""One step of a session: what it did to the open object, the labels and the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_samara.session.candidates import Seeds
    from napari_samara.session.draft import RecordChange
    from napari_samara.session.edits import LabelEdit
    from napari_samara.session.objects import OpenObject


@dataclass(frozen=True, eq=False)
class Change:
    """One step that can be undone.

    Attributes
    ----------
    name : str
        What the user did, as the saved session calls it.
    opened : tuple of OpenObject
        The open object before and after.
    edits : tuple of LabelEdit
        In the order they were made.
    records : tuple of (before, after)
        Records that differ.
    seeds : tuple of Seeds, or None
        What many objects are looked for with, before and after, where that changes.
    """

    name: str
    opened: tuple[OpenObject, OpenObject]
    edits: tuple[LabelEdit, ...] = ()
    records: tuple[RecordChange, ...] = ()
    seeds: tuple[Seeds, Seeds] | None = None

    @property
    def lasting(self) -> bool:
        """Whether it changes labels or records, which are saved at once."""
        return bool(self.edits or self.records)

    def inverse(self) -> Change:
        """Return the step that takes this one back."""
        return Change(
            self.name,
            (self.opened[1], self.opened[0]),
            tuple(edit.inverse() for edit in reversed(self.edits)),
            tuple((after, before) for before, after in self.records),
            self.seeds and (self.seeds[1], self.seeds[0]),
        )
