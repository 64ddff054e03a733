"""How far encoding a volume is, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_samara.session.embedding_estimate import duration

if TYPE_CHECKING:
    from napari_samara.intensity import Contrast
    from napari_samara.planes import Plane


@dataclass(frozen=True)
class VolumeProgress:
    """How far a volume is.

    Attributes
    ----------
    plane : Plane
        That has come to its end now.
    state : str
        ``"encoded"``, ``"found"`` or ``"failed"``.
    done, total : int
        Planes.
    encoded, found, failed : int
        What `done` consists of; found ones were in the store.
    seconds_left : float or None
        If all that is left must be encoded; None where nothing is known.
    """

    plane: Plane
    state: str
    done: int
    total: int
    encoded: int
    found: int
    failed: int
    seconds_left: float | None

    def __str__(self) -> str:
        """Return one line for the user."""
        left = "" if self.seconds_left is None else f", {duration(self.seconds_left)} left"
        there = f", {self.found} were there" if self.found else ""
        return f"slice {self.done} of {self.total}{there}{left}"


@dataclass(frozen=True)
class Embedded:
    """What came of a volume.

    Attributes
    ----------
    planes : int
        All in all.
    encoded : int
        That were encoded now.
    found : int
        That were in the store.
    contrast : Contrast
        That they are encoded with, which a session needs to find them.
    seconds : float
        For all of them.
    """

    planes: int
    encoded: int
    found: int
    contrast: Contrast
    seconds: float
