"""The lasting steps of a session as plain data, with those that are undone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_samara.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.session.held import Held
    from napari_samara.session.record import SavedSession

BESIDE = ("seq", "open", "many", "about")
"""Entries of a line beside those of its step."""


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

    def take(self, line: Mapping[str, Any], held: Held | None = None) -> None:
        """Add what a line of the journal says.

        Parameters
        ----------
        line : mapping
            ``{"seq": n, "do": ...}``, ``{"seq": n, "undo": 1}``, ``{"seq": n, "redo": 1}`` or
            ``{"seq": n}``, each with ``"open"``, the open object from then on, and where they
            change ``"many"``, as `Held.entries` gives it, and ``"about"``, entries of the session
            file.
        held : Held, optional
            What is not accepted yet from then on, where it need not be read from the line.

        Raises
        ------
        FileFormatError
            If it says something else, or there is nothing to undo or redo.
        """
        if "do" in line:
            step = {name: value for name, value in line.items() if name not in BESIDE}
            self.steps[self.position :] = [step]
            self.position += 1
        elif "undo" in line and self.position > 0:
            self.position -= 1
        elif "redo" in line and self.position < len(self.steps):
            self.position += 1
        elif "undo" in line or "redo" in line or "open" not in line:
            raise FileFormatError(
                f"line {line.get('seq')} of the journal does not follow the others"
            )
        about = {**self.saved.about, **line.get("about", {})}
        self.saved = replace(self.saved, held=held or self.saved.held.followed(line), about=about)
        self.sequence = int(line["seq"])

    def snapshot(self) -> SavedSession:
        """Return all that is done and not undone."""
        return replace(self.saved, steps=tuple(self.steps[: self.position]), sequence=self.sequence)
