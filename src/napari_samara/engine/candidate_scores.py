"""How likely a mask that nobody asked for is an object, by what dense maps say of it.

Some small networks, `dense_opinion.FACTS` to a chance, with two hidden layers, whose mean counts:
they differ in where their fit began. They were fitted to masks that samara-tiny and the cell net
find in training images (`training/candidate_scores.py`); what they read are probabilities and
shares, so that they serve other weights with the same kind of head too. Importing this file does
not import torch, for commands that only name their options.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from napari_samara.engine.candidates import Proposal
    from napari_samara.engine.dense_opinion import DenseOpinion

WEIGHTS = Path(__file__).with_suffix(".json")
"""Of the networks that come with the package."""

FARTHEST = 4.0
"""Spreads from its mean beyond which a fact says no more."""


class CandidateScores(NamedTuple):
    """Some networks with layers of the same sizes.

    Attributes
    ----------
    mean, spread : ndarray of float64, shape (F,)
        Of the facts they were fitted to.
    layers : tuple of (ndarray, ndarray)
        Weights (networks, in, out) and biases (networks, 1, out), the last ones to a single number.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    layers: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]

    def of(self, facts: ArrayLike) -> NDArray[np.float64]:
        """Return scores from 0 to 1.

        Parameters
        ----------
        facts : array_like, shape (N, F)
            Of N masks.

        Returns
        -------
        ndarray of float64, shape (N,)
            Higher is likelier; from 0.6 on it pays to take the mask for an object.
        """
        given = np.asarray(facts, np.float64).reshape(-1, len(self.mean))
        values = np.clip((given - self.mean) / self.spread, -FARTHEST, FARTHEST)
        for weights, biases in self.layers[:-1]:
            values = values @ weights + biases
            values = values * _sigmoid(values)
        weights, biases = self.layers[-1]
        return _sigmoid((values @ weights + biases).mean(axis=0))[:, 0]

    def to_json(self) -> str:
        """Return it as text, four digits of each number."""
        table = {
            "mean": _short(self.mean),
            "spread": _short(self.spread),
            "layers": [[_short(weights), _short(biases)] for weights, biases in self.layers],
        }
        return json.dumps(table, separators=(",", ":")) + "\n"

    @classmethod
    def from_json(cls, text: str) -> CandidateScores:
        """Return what `to_json` has written."""
        table = json.loads(text)
        layers = ((np.array(weights), np.array(biases)) for weights, biases in table["layers"])
        return cls(np.array(table["mean"]), np.array(table["spread"]), tuple(layers))


def rated(proposal: Proposal, logits: Tensor, opinions: Sequence[DenseOpinion]) -> Proposal:
    """Return a proposal with the score that `candidate_scores` give it.

    Parameters
    ----------
    proposal : Proposal
        Whose score is the predicted IoU.
    logits : Tensor
        (S, S) that it was made of, on the host.
    opinions : sequence of DenseOpinion
        Of the same image: by the checkpoint, and by `cell_maps`.
    """
    from napari_samara.engine.dense_opinion import mask_facts

    facts = mask_facts(logits.numpy(), proposal.score, proposal.stability, opinions)
    return replace(proposal, score=float(candidate_scores().of(facts)[0]))


@cache
def scores_digest() -> str:
    """Return what tells the networks of this version from those of another: 16 digits."""
    from napari_samara.engine import cell_maps

    both = WEIGHTS.read_bytes() + cell_maps.WEIGHTS.read_bytes()
    return hashlib.sha256(both).hexdigest()[:16]


@cache
def candidate_scores() -> CandidateScores:
    """Return the networks that come with the package."""
    return CandidateScores.from_json(WEIGHTS.read_text(encoding="utf-8"))


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))


def _short(values: NDArray[np.float64]) -> Any:
    """Return numbers with four digits, in lists."""
    return np.vectorize(lambda value: float(f"{value:.4g}"), otypes=[float])(values).tolist()
