"""How likely a mask that nobody asked for is an object, by what a dense head says of it.

A small network, `dense_opinion.FACTS` to a chance, with two hidden layers. It was fitted to masks
that samara-tiny finds in training images (`training/candidate_scores.py`); what it reads are
probabilities and shares, so that it serves other weights with the same kind of head too.
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
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from napari_samara.engine.candidates import Proposal
    from napari_samara.engine.dense_opinion import DenseOpinion

WEIGHTS = Path(__file__).with_suffix(".json")
"""Of the network that comes with the package."""

FARTHEST = 4.0
"""Spreads from its mean beyond which a fact says no more."""


class CandidateScores(NamedTuple):
    """The network.

    Attributes
    ----------
    mean, spread : ndarray of float64, shape (F,)
        Of the facts it was fitted to.
    layers : tuple of (ndarray, ndarray)
        Weights (out, in) and biases (out,), the last one to a single number.
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
            values = values @ weights.T + biases
            values = values * _sigmoid(values)
        weights, biases = self.layers[-1]
        return _sigmoid(values @ weights.T + biases)[:, 0]

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


def rated(proposal: Proposal, logits: Tensor, opinion: DenseOpinion) -> Proposal:
    """Return a proposal with the score that `candidate_scores` gives it.

    Parameters
    ----------
    proposal : Proposal
        Whose score is the predicted IoU.
    logits : Tensor
        (S, S) that it was made of, on the host.
    opinion : DenseOpinion
        Of the same image.
    """
    facts = opinion.facts(logits.numpy(), proposal.score, proposal.stability)
    return replace(proposal, score=float(candidate_scores().of(facts)[0]))


@cache
def scores_digest() -> str:
    """Return what tells the network of this version from that of another: 16 digits."""
    return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:16]


@cache
def candidate_scores() -> CandidateScores:
    """Return the network that comes with the package."""
    return CandidateScores.from_json(WEIGHTS.read_text(encoding="utf-8"))


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))


def _short(values: NDArray[np.float64]) -> Any:
    """Return numbers with four digits, in lists."""
    return np.vectorize(lambda value: float(f"{value:.4g}"), otypes=[float])(values).tolist()
