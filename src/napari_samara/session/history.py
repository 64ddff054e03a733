"""Undo and redo of inverse actions, whatever they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Action = TypeVar("Action")


class History(Generic[Action]):
    """What was done, in order, and how much of it is undone.

    It only keeps count: who undoes an action carries it out first and says so afterwards, so that
    an action that fails leaves the history as it was.

    Parameters
    ----------
    limit : int
        Actions kept; the oldest are forgotten.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._actions: list[Action] = []
        self._position = 0

    @property
    def done(self) -> Sequence[Action]:
        """All that is done and not undone, in order."""
        return self._actions[: self._position]

    @property
    def last(self) -> Action | None:
        """The action that undo takes back; None where there is nothing to undo."""
        return self._actions[self._position - 1] if self._position else None

    @property
    def next(self) -> Action | None:
        """The action that redo does again; None where there is nothing to redo."""
        return self._actions[self._position] if self._position < len(self._actions) else None

    def push(self, action: Action) -> None:
        """Add an action that was just done; those undone before it are forgotten.

        Parameters
        ----------
        action : Action
            Anything.
        """
        self._actions[self._position :] = [action]
        del self._actions[: -self._limit]
        self._position = len(self._actions)

    def step_back(self) -> None:
        """Note that `last` was undone."""
        self._position = max(0, self._position - 1)

    def step_forward(self) -> None:
        """Note that `next` was done again."""
        self._position = min(len(self._actions), self._position + 1)

    def forget_undone(self) -> None:
        """Forget what was undone: it cannot be done again."""
        del self._actions[self._position :]

    def clear(self) -> None:
        """Forget everything."""
        self._actions.clear()
        self._position = 0
