"""Tests of the network that judges masks nobody asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_samara.engine.candidate_scores import CandidateScores, candidate_scores, rated
from napari_samara.engine.candidates import propose
from napari_samara.engine.dense_opinion import FACTS


@pytest.fixture
def layers():
    torch.manual_seed(3)
    return nn.Linear(10, 7), nn.Linear(7, 5), nn.Linear(5, 1)


def network(layers, mean, spread):
    numbers = [(one.weight.detach().numpy().T, one.bias.detach().numpy()[None]) for one in layers]
    alike = tuple((weights[None], biases[None]) for weights, biases in numbers)
    return CandidateScores(np.asarray(mean), np.asarray(spread), alike)


def test_scores_are_those_of_the_layers_in_torch(layers):
    rng = np.random.default_rng(0)
    mean, spread = rng.normal(size=10), rng.uniform(0.5, 2, 10)
    facts = mean + spread * rng.uniform(-3.9, 3.9, (20, 10))
    net = nn.Sequential(layers[0], nn.SiLU(), layers[1], nn.SiLU(), layers[2], nn.Sigmoid())
    with torch.no_grad():
        wanted = net(torch.tensor((facts - mean) / spread).float())[:, 0].numpy()
    assert network(layers, mean, spread).of(facts) == pytest.approx(wanted, abs=1e-5)


def test_of_several_networks_the_mean_counts(layers):
    judge = network(layers, np.zeros(10), np.ones(10))
    *hidden, (weights, biases) = judge.layers
    twice = [tuple(np.concatenate([part, part]) for part in layer) for layer in hidden]
    last = np.concatenate([weights, 3 * weights]), np.concatenate([biases, 3 * biases])
    both = judge._replace(layers=(*twice, last))
    facts = np.random.default_rng(2).normal(size=(6, 10))
    once = judge.of(facts)
    assert both.of(facts) == pytest.approx(1 / (1 + (1 / once - 1) ** 2))  # logits: (1 + 3) / 2
    assert CandidateScores.from_json(both.to_json()).of(facts) == pytest.approx(
        both.of(facts), abs=3e-3
    )


def test_what_lies_far_from_all_that_was_seen_says_no_more(layers):
    judge = network(layers, np.zeros(10), np.ones(10))
    assert judge.of(np.full((1, 10), 4.0)) == pytest.approx(judge.of(np.full((1, 10), 1e6)))
    assert judge.of(np.zeros((0, 10))).shape == (0,)
    assert np.isfinite(judge.of(np.full((1, 10), -np.inf))).all()


def test_written_and_read_again(layers):
    judge = network(layers, np.linspace(0, 1, 10), np.full(10, 0.3))
    again = CandidateScores.from_json(judge.to_json())
    facts = np.random.default_rng(1).normal(size=(9, 10))
    assert again.of(facts) == pytest.approx(judge.of(facts), abs=2e-3)
    assert again.to_json() == judge.to_json()


def test_the_network_of_the_package_reads_these_facts():
    judge = candidate_scores()
    assert len(judge.mean) == len(judge.spread) == len(FACTS)
    assert (judge.spread > 0).all()
    # about the means of masks of training images that meet an object well, and that meet none
    good = [0.84, 0.83, 6.6, *2 * [0.85, 0.24, 0.69, 0.24, 0.09, 0.70, 0.60]]
    poor = [0.50, 0.42, 6.0, *2 * [0.45, 0.30, 0.42, 0.10, 0.08, 0.20, 0.15]]
    kept, left = judge.of([good, poor])
    assert kept > 0.8
    assert left < 0.5


def test_a_proposal_gets_its_score():
    class Known:
        """Facts that are given."""

        unit = 2.0

        def shown(self, logits):
            return logits > 0

        def facts(self, logits):
            assert logits.shape == (8, 8)
            return np.zeros(7, np.float32)

    logits = torch.full((8, 8), -3.0)
    logits[2:5, 2:5] = 3.0
    plain = propose(logits, 0.9, (1.0, 1.0), (0, 0, 8, 8), 1.0)
    new = rated(plain, logits, (Known(), Known()))
    facts = [plain.score, plain.stability, np.log(1 + 9 * 4), *np.zeros(14)]
    assert new.score == pytest.approx(candidate_scores().of([facts])[0], abs=1e-6)
    assert (new.area, new.stability, new.point) == (plain.area, plain.stability, plain.point)
