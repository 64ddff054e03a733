"""The job that looks for all objects of a plane without prompts, and the prompts it ends with."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_samara.prompts import Point, PromptSet
from napari_samara.session.events import Status

if TYPE_CHECKING:
    from napari_samara.engine.automatic_masks import AutomaticMasks
    from napari_samara.engine.automatic_settings import AutomaticSettings
    from napari_samara.intensity import Contrast
    from napari_samara.planes import Plane
    from napari_samara.session.embeddings import Embeddings
    from napari_samara.session.jobs import Report

FIND = "find"
"""Lane of the job."""

# Seconds between two words on how far it is.
_PAUSE = 0.1


@dataclass(frozen=True, eq=False)
class Finding:
    """A search in one plane.

    The plane is taken as a whole, so that each object is found again by its point alone, in the
    embedding that clicks use: what is offered can be corrected, accepted and replayed like any
    other prompt.

    Parameters
    ----------
    plane : Plane
        As it is shown.
    contrast : Contrast
        It is encoded with.
    settings : AutomaticSettings
        What to look for.
    """

    plane: Plane
    contrast: Contrast
    settings: AutomaticSettings
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End the search soon; what was found by then is its result."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped.is_set()

    def run(self, embeddings: Embeddings, report: Report) -> PromptSet:
        """Return a point for each object found; for a worker.

        Parameters
        ----------
        embeddings : Embeddings
            Of the image.
        report : Report
            Told how far it is.

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

        watch = Watch(progress, lambda: self.stopped or report.cancelled())
        predictor: Any = embeddings.predictor
        settings = replace(self.settings, zoom="never", crop_layers=0, chunk=8)
        found = automatic_masks(predictor, Scene(rgb, self.contrast, whole), settings, watch)
        return self._prompts(found)

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
