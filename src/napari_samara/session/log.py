"""The lasting steps of a session as plain data, with those that are undone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_samara.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.session.record import SavedSession


@dataclass(eq=False)
class Log:
    """Steps in order; the journal holds the same, line by line.

    Attributes
    ----------
    saved : SavedSession
        Before the first of `steps`.
    steps : list of dict
        Done since, or done and undone.
    position : int
        How many of them are not undone.
    sequence : int
        Number of the line that came last.
    """

    saved: SavedSession
    steps: list[Mapping[str, Any]] = field(default_factory=list)
    position: int = 0
    sequence: int = 0

    @classmethod
    def of(cls, saved: SavedSession) -> Log:
        """Return the log that goes on where a saved session ends."""
        return cls(replace(saved, steps=()), list(saved.steps), len(saved.steps), saved.sequence)

    def take(self, line: Mapping[str, Any]) -> None:
        """Add what a line of the journal says.

        Parameters
        ----------
        line : mapping
            ``{"seq": n, "do": ...}``, ``{"seq": n, "undo": 1}`` or ``{"seq": n, "redo": 1}``.

        Raises
        ------
        FileFormatError
            If it says something else, or there is nothing to undo or redo.
        """
        if "do" in line:
            self.steps[self.position :] = [{k: v for k, v in line.items() if k != "seq"}]
            self.position += 1
        elif "undo" in line and self.position > 0:
            self.position -= 1
        elif "redo" in line and self.position < len(self.steps):
            self.position += 1
        else:
            raise FileFormatError(
                f"line {line.get('seq')} of the journal does not follow the others"
            )
        self.sequence = int(line["seq"])

    def snapshot(self) -> SavedSession:
        """Return all that is done and not undone."""
        return replace(self.saved, steps=tuple(self.steps[: self.position]), sequence=self.sequence)
