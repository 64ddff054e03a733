"""What was found in an image without prompts; limits can be moved without decoding again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.engine.suppression import best_boxes, best_masks
from napari_samara.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.automatic_settings import AutomaticSettings
    from napari_samara.engine.candidates import Candidate, Proposal

SCORE_SLACK = 0.25
"""How far below the limit of the score proposals are still kept, for limits moved later."""

STABILITY_SLACK = 0.35
"""The same for the stability."""


@dataclass(frozen=True, eq=False)
class AutomaticMasks:
    """Objects found in an image without prompts.

    Attributes
    ----------
    shape : tuple of int
        (rows, cols) of the image.
    input_size : int
        Side of the model input.
    settings : AutomaticSettings
        That `candidates` and `labels` go by.
    proposals : tuple of Proposal
        All that the decoder said, also of what is below the limits now.
    prompts : int
        How many were decoded.
    complete : bool
        False where the search was cancelled: what had been found by then is here.
    """

    shape: tuple[int, int]
    input_size: int
    settings: AutomaticSettings
    proposals: tuple[Proposal, ...] = ()
    prompts: int = 0
    complete: bool = True
    _made: dict[int, Candidate | None] = field(default_factory=dict, repr=False)

    def adjusted(self, settings: AutomaticSettings | None = None, **changes: Any) -> AutomaticMasks:
        """Return what the same search gives with other limits; nothing is decoded.

        Scores more than 0.25 and stabilities more than 0.35 below the limits of the search were
        not kept, and nothing below them without `keep_more`: lower limits find nothing more.

        Parameters
        ----------
        settings : AutomaticSettings, optional
            New ones; those there are by default.
        **changes
            Fields that are to be different.

        Returns
        -------
        AutomaticMasks
            Which shares what was decoded with this one.

        Raises
        ------
        SettingsError
            If a field says where objects are looked for, is unknown or has no allowed value.
        """
        wanted = settings or self.settings
        wanted = wanted.from_dict({**wanted.to_dict(), **changes})
        if self.settings.needs_decoding(wanted):
            names = ", ".join(wanted.AFTERWARDS)
            raise SettingsError(
                f"only {names} can be changed of masks that are found; search again for the others"
            )
        return replace(self, settings=wanted)

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """Objects that pass all limits, duplicates removed, best score first."""
        settings = self.settings
        passing = [c for i in range(len(self.proposals)) if (c := self.passing(i)) is not None]
        kept = []
        for window in dict.fromkeys(c.window for c in passing):
            own = [c for c in passing if c.window == window]
            kept += _chosen(own, [c.score for c in own], settings.box_overlap)
        if settings.crop_layers or len({c.window for c in kept}) > 1:
            kept = _chosen(kept, self._ranks(kept), settings.crop_box_overlap)
        if settings.small_regions:
            limit = settings.small_regions
            cleaned = [new for c in kept if (new := c.cleaned(limit, self.shape)) is not None]
            overlap = max(settings.box_overlap, settings.crop_box_overlap)
            kept = _chosen(cleaned, [float(c.whole) for c in cleaned], overlap)
        most = settings.largest * self.shape[0] * self.shape[1]
        kept = [c for c in kept if settings.smallest <= c.area <= most]
        if settings.shared < 1:
            kept = [
                kept[i] for i in best_masks(kept, _order(kept, settings.prefer), settings.shared)
            ]
        return tuple(sorted(kept, key=lambda c: -c.score))

    def labels(self) -> NDArray[np.int32]:
        """Return the candidates as one label image.

        Returns
        -------
        ndarray of int32, shape (rows, cols)
            `candidates[i]` has the label ``i + 1``, and no pixel where others cover it; 0 is
            background.
        """
        out = np.zeros(self.shape, np.int32)
        order = _order(self.candidates, _PAINTED_LAST[self.settings.overlap])
        for index in reversed(order):
            candidate = self.candidates[index]
            row0, col0, row1, col1 = candidate.box
            out[row0:row1, col0:col1][candidate.data] = index + 1
        return out

    def passing(self, index: int) -> Candidate | None:
        """Return the mask of a proposal, which is made when it is first needed.

        Parameters
        ----------
        index : int
            Of one of `proposals`.

        Returns
        -------
        Candidate or None
            None where it does not pass the limits of score, stability and edge.
        """
        settings, proposal = self.settings, self.proposals[index]
        if not proposal.may_pass(settings.score, settings.stability):
            return None
        if index not in self._made:
            made = proposal.candidate(self.input_size, settings.stability_offset)
            self._made[index] = None if made is None else made.inside(self.shape)
        found = self._made[index]
        if found is None or found.stability < settings.stability:
            return None
        return None if found.touches(self.shape, settings.edge) else found

    def with_proposals(
        self, proposals: tuple[Proposal, ...], prompts: int, complete: bool
    ) -> AutomaticMasks:
        """Return the same search with more that was found.

        Parameters
        ----------
        proposals : tuple of Proposal
            Those there are, and new ones behind them.
        prompts : int
            How many were decoded.
        complete : bool
            Whether the search is at its end.
        """
        return replace(self, proposals=proposals, prompts=prompts, complete=complete)

    def _ranks(self, kept: Sequence[Candidate]) -> list[float]:
        """Return what decides between masks of crops: in a grid the smaller crop, as in SAM."""
        if self.settings.source != "grid":
            return [c.score for c in kept]
        sizes = [(c.window[2] - c.window[0]) * (c.window[3] - c.window[1]) for c in kept]
        return [1 / size for size in sizes]


_PAINTED_LAST = {"best-score": "score", "smaller": "smaller", "larger": "larger"}


def _chosen(found: Sequence[Candidate], scores: Sequence[float], limit: float) -> list[Candidate]:
    if limit >= 1 or not found:
        return list(found)
    return [found[i] for i in best_boxes([c.box for c in found], scores, limit)]


def _order(found: Sequence[Candidate], prefer: str) -> list[int]:
    """Return indices of candidates, the preferred ones first; of equal ones the better score."""
    sign = {"score": 0, "larger": -1, "smaller": 1}[prefer]
    return sorted(range(len(found)), key=lambda i: (sign * found[i].area, -found[i].score))
