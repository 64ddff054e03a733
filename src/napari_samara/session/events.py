"""What a session tells those who watch it."""

from __future__ import annotations

from dataclasses import dataclass

from psygnal import Signal, SignalGroup

from napari_samara.prompts import PromptSet
from napari_samara.session.edits import LabelEdit


@dataclass(frozen=True)
class Status:
    """What a session is doing.

    Attributes
    ----------
    state : str
        ``"idle"``, ``"encoding"``, ``"decoding"`` or ``"failed"``.
    message : str
        One line for the user; empty when idle.
    done, total : int
        Progress in steps; 0 of 0 where there is none to show.
    eta_s : float or None
        Seconds this step took last time on this device, or an estimate before the first time;
        None where nothing is known.
    """

    state: str = "idle"
    message: str = ""
    done: int = 0
    total: int = 0
    eta_s: float | None = None


class SessionEvents(SignalGroup):
    """Signals of a session, all emitted in the thread that owns it.

    Attributes
    ----------
    status : Signal(Status)
        What it is doing.
    prompts : Signal(PromptSet)
        The prompts of the open object changed.
    candidates : Signal(tuple of Mask, int)
        Masks of the open object on the current plane, and which is chosen; () for none.
    edited : Signal(LabelEdit)
        Labels were changed by accept, delete, merge, undo or redo.
    objects : Signal()
        The records of objects changed.
    stale : Signal(bool)
        Whether the embedding of the current plane was made with another contrast.
    batch : Signal(tuple of Candidate)
        What `Session.many` found, or which of it is picked; () once accepted.
    sighted : Signal(tuple of Sighting)
        What `Session.find_all` has seen so far; () where it ends without offering anything.
    seeds : Signal(PromptSet)
        What many objects are looked for with changed.
    remade : Signal(object)
        The `Remade` of `Session.remake` has got further, is done or has failed; None once it is
        accepted or discarded.
    propagated : Signal(object)
        The `Propagated` of `Session.propagate` has got further, is at its end or has failed.
    unsaved : Signal(str)
        Why what is accepted is not on the disk; "" once it is again.
    """

    status = Signal(Status)
    prompts = Signal(PromptSet)
    candidates = Signal(tuple, int)
    edited = Signal(LabelEdit)
    objects = Signal()
    stale = Signal(bool)
    batch = Signal(tuple)
    sighted = Signal(tuple)
    seeds = Signal(PromptSet)
    remade = Signal(object)
    propagated = Signal(object)
    unsaved = Signal(str)
