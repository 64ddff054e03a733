"""Objects followed through the slices of the volume that the viewer shows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.errors import SessionError
from napari_samara.session.embedding_estimate import duration
from napari_samara.ui.volume import Volume, spacing_of

if TYPE_CHECKING:
    from napari_samara.session.objects import ObjectRecord
    from napari_samara.session.propagated import Propagated
    from napari_samara.ui.annotator import Annotator


@dataclass(frozen=True)
class Targets:
    """What is followed.

    Attributes
    ----------
    labels : tuple of int
        Accepted objects; none for the open one.
    reopened : int or None
        Label that the open object had.
    """

    labels: tuple[int, ...] = ()
    reopened: int | None = None

    def __str__(self) -> str:
        """Return what it is, for the user."""
        if not self.labels:
            return "the open object" if self.reopened is None else f"object {self.reopened}"
        if len(self.labels) == 1:
            return f"object {self.labels[0]}"
        if len(self.labels) <= 4:
            return f"objects {', '.join(map(str, self.labels))}"
        return f"{len(self.labels)} objects"


class Following:
    """How objects are followed, and what is under way; one for each annotation.

    Parameters
    ----------
    annotator : Annotator
        Whose objects they are.

    Attributes
    ----------
    settings : PropagateSettings
        How.
    along : int or None
        Axis that slices follow each other on; the last one that is not shown where it is None.
    z_range : tuple of int or None
        First slice that may be written and the one behind the last.
    """

    told = Signal(str, int, int)
    """A line for the user, slices that are done, and of how many; 0 of 0 at the end."""

    aimed = Signal()
    """Other objects are chosen."""

    def __init__(self, annotator: Annotator) -> None:
        self.annotator = annotator
        self.settings = PropagateSettings()
        self.along: int | None = None
        self.z_range: tuple[int, int] | None = None
        self._chosen: tuple[int, ...] = ()
        self._what, self._since = "", 0.0

    @property
    def chosen(self) -> tuple[int, ...]:
        """Labels that the user chose in a list of objects; settable."""
        return self._chosen

    @chosen.setter
    def chosen(self, labels: tuple[int, ...]) -> None:
        self._chosen = labels
        self.aimed.emit()

    @property
    def volume(self) -> Volume:
        """The volume that is shown; raises ImageError for a 2D image."""
        return Volume.of(self.annotator.binding.shape, self.annotator.session.plane, self.along)

    def targets(self, every: bool = False) -> Targets | None:
        """Return what would be followed now; None where there is nothing.

        Parameters
        ----------
        every : bool
            Whether all accepted objects of the volume are meant; otherwise the open object, or
            else those that are chosen, or else the one that is selected.
        """
        session = self.annotator.session
        objects = session.objects
        if every:
            known = tuple(label for label, record in objects.items() if self._is_known(record))
            return Targets(known) if known else None
        if len(session.prompts):
            return Targets(reopened=session.open_label)
        chosen = tuple(label for label in self._chosen if label in objects)
        selected = self.annotator.selected
        if selected in objects and selected not in chosen:
            chosen = (selected,)
        return Targets(chosen) if chosen else None

    def begin(self, every: bool = False) -> None:
        """Follow what `targets` says.

        Parameters
        ----------
        every : bool
            As for `targets`.

        Raises
        ------
        SessionError
            If there is nothing to follow, or it is not known in any slice, or one is under way.
        ImageError
            If axis, range or spacing do not fit.
        """
        targets, session = self.targets(every), self.annotator.session
        if targets is None:
            raise SessionError("there is nothing to follow: give a prompt, or select an object")
        self._what, self._since = str(targets), time.monotonic()
        session.propagate(
            targets.labels or None,
            self.volume.along,
            self.z_range,
            self.settings,
            spacing_of(self.annotator.binding),
        )
        if (run := session.propagating) is not None:
            self.told.emit(f"Following {self._what} …", 0, max(1, run.total))

    def stop(self) -> None:
        """End after the slice it is at; what is found by then is kept."""
        self.annotator.session.stop_propagation()

    def show(self, propagated: Propagated) -> None:
        """Tell how far it is.

        Parameters
        ----------
        propagated : Propagated
            As the session told it.
        """
        if propagated.failed:
            line = propagated.failed.rstrip(".")
            self.told.emit(line[:1].upper() + line[1:] + ".", 0, 0)
        elif propagated.landed:
            early = " as far as it went" if propagated.stopping else ""
            line = f"Followed {self._what}{early}; one undo takes it back."
            if len(propagated.landed) == 1:  # as after accepting
                self.annotator.selected = propagated.landed[0]
            self.told.emit(line, 0, 0)
        else:
            self.told.emit(self._line(propagated), propagated.done, max(1, propagated.total))

    def _is_known(self, record: ObjectRecord) -> bool:
        """Whether an object is in some slice of the volume that is shown."""
        volume = self.volume
        return any(volume.index_of(part.plane) is not None for part in record.parts)

    def _line(self, run: Propagated) -> str:
        if run.stopping:
            return "Stopping after this slice …"
        passed = time.monotonic() - self._since
        left = passed / run.done * (run.total - run.done) if run.done else 0.0
        ends = f", at most {duration(left)} left" if run.done > 2 else ""
        doing = f" ({run.status.message})" if run.status.message else ""
        return f"Following {self._what}: slice {run.done} of {run.total}{ends}{doing}"
