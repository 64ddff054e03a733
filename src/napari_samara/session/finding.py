"""The job that looks for all objects of a plane without prompts, and the prompts it ends with."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.prompts import Point, PromptSet
from napari_samara.session.events import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_samara.engine.automatic_masks import AutomaticMasks
    from napari_samara.engine.automatic_settings import AutomaticSettings
    from napari_samara.intensity import Contrast
    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session.embeddings import Embeddings
    from napari_samara.session.jobs import Report

FIND = "find"
"""Lane of the job."""

# Seconds between two words on how far it is, and between two looks at what is there.
_PAUSE, _GLANCE = 0.1, 0.4


@dataclass(frozen=True, eq=False)
class Sighting:
    """An object that a search has seen, to be shown until the search is over.

    Attributes
    ----------
    plane : Plane
        Where it lies.
    box : tuple of int
        Half-open (row0, col0, row1, col1).
    crop : ndarray of bool, shape of the box
        True on the object.
    score : float
        As of a `Candidate`.
    """

    plane: Plane
    box: PixelBox
    crop: NDArray[np.bool_]
    score: float

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.crop))


@dataclass(frozen=True, eq=False)
class Finding:
    """A search in one plane.

    Each object is found again by its point alone, as if the user had clicked there: what is offered
    can be corrected, accepted and replayed like any other prompt. So no masks are cut out of maps.

    Parameters
    ----------
    plane : Plane
        As it is shown.
    contrast : Contrast
        It is encoded with.
    settings : AutomaticSettings
        What to look for.
    closer : bool
        Whether the plane is searched in windows in which objects have the size that the model
        knows best, as clicks in large planes are decoded; else as a whole.
    """

    plane: Plane
    contrast: Contrast
    settings: AutomaticSettings
    closer: bool = False
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End the search soon; what was found by then is its result."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped.is_set()

    def run(
        self,
        embeddings: Embeddings,
        report: Report,
        sighted: Callable[[tuple[Sighting, ...]], None] | None = None,
    ) -> PromptSet:
        """Return a point for each object found; for a worker.

        Parameters
        ----------
        embeddings : Embeddings
            Of the image.
        report : Report
            Told how far it is.
        sighted : callable, optional
            Told now and then, in the thread of the session, what was found by then.

        Returns
        -------
        PromptSet
            With ids from 1 up, best score first.

        Raises
        ------
        CancelledError
            If nobody waits for it any more.
        SamaraError
            What reading, encoding and decoding raise.
        """
        from napari_samara.engine.automatic import Scene, Watch, automatic_masks

        whole = embeddings.get(self.plane, self.contrast, report)
        rgb = embeddings.encoder_input(self.plane, self.contrast)
        told = [float("-inf")]

        def progress(done: int, total: int) -> None:
            if (now := time.monotonic()) - told[0] >= _PAUSE:
                told[0] = now
                report.say(Status("decoding", "looking for objects", done, max(total, 2)))

        looked = [time.monotonic()]

        def found_so_far(masks: AutomaticMasks) -> None:
            if sighted is None or not report.live or time.monotonic() - looked[0] < _GLANCE:
                return
            seen = self._sightings(masks)
            report.tell(lambda: sighted(seen))
            looked[0] = time.monotonic()

        watch = Watch(progress, lambda: self.stopped or report.cancelled(), found_so_far)
        predictor: Any = embeddings.predictor
        zoom = self.settings.zoom if self.closer else "never"
        settings = replace(self.settings, zoom=zoom, crop_layers=0, chunk=8, cut_out=False)
        found = automatic_masks(predictor, Scene(rgb, self.contrast, whole), settings, watch)
        return self._prompts(found)

    def _sightings(self, found: AutomaticMasks) -> tuple[Sighting, ...]:
        return tuple(Sighting(self.plane, c.box, c.data, c.score) for c in found.candidates)

    def _prompts(self, found: AutomaticMasks) -> PromptSet:
        """Points in the image of the candidates."""
        fixed = tuple(axis for axis, _ in self.plane.fixed) or None
        points = {}
        for number, candidate in enumerate(found.candidates, start=1):
            at = dict(self.plane.fixed) | dict(
                zip(self.plane.displayed, candidate.point, strict=True)
            )
            place = tuple(float(at[axis]) for axis in sorted(at))
            points[number] = [Point(place, True, axis=fixed)]
        return PromptSet.from_objects(points)
