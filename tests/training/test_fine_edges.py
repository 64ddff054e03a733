"""Tests of the loss of the finest features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.training.miniature import make_trainer

from napari_samara.errors import CheckpointError
from napari_samara.training.dense import InstanceTargets, edges, instance_targets
from napari_samara.training.fine_edges import FineEdges
from napari_samara.training.state import read_state, write_state

if TYPE_CHECKING:
    from pathlib import Path


def square() -> np.ndarray:
    """One object in a view of 16 pixels."""
    labels = np.zeros((16, 16), np.int32)
    labels[4:10, 6:12] = 3
    return labels


def target(labels: np.ndarray) -> InstanceTargets:
    """What is true of a view."""
    return instance_targets(labels, np.random.default_rng(0))


def knowing(labels: np.ndarray) -> tuple[FineEdges, torch.Tensor]:
    """A head that reads off features in which the answer is written, of stride 2."""
    head = FineEdges(2)
    with torch.no_grad():
        head.maps.weight.copy_(torch.eye(2)[..., None, None])
        head.maps.bias.zero_()
    truth = np.stack([labels > 0, edges(labels)]).astype(np.float32)
    pooled = F.avg_pool2d(torch.from_numpy(truth)[None], 2)
    return head, torch.logit(pooled, 1e-4)


def test_right_features_cost_least() -> None:
    labels = square()
    head, features = knowing(labels)
    known = target(labels)
    right = head(features, known).item()
    shifted = head(features.roll(1, -1), known).item()
    blank = head(torch.zeros_like(features), known).item()
    assert right < shifted
    assert right < blank
    assert blank == pytest.approx(2 * np.log(2), rel=1e-4)  # two maps, each undecided


def test_each_view_is_judged_by_its_own_labels() -> None:
    labels, other = square(), square().T.copy()
    head, features = knowing(labels)
    _, elsewhere = knowing(other)
    both = torch.cat([features, elsewhere])
    known = [target(labels), target(other)]
    right, wrong = (InstanceTargets.of_views(parts) for parts in (known, known[::-1]))
    assert head(both, right) < head(both, wrong)


def test_the_head_learns_with_the_model_and_is_not_part_of_it(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    assert trainer.fine_edges is not None
    before = trainer.fine_edges.maps.weight.detach().clone()
    trainer.train_step()
    assert not torch.equal(trainer.fine_edges.maps.weight, before)
    assert not any("fine_edges" in name for name in trainer.model.state_dict())


def test_a_run_without_it_is_not_continued(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    trainer.save()
    state = read_state(tmp_path / "state.pt")
    del state["fine_edges"]
    write_state(tmp_path / "state.pt", state)
    with pytest.raises(CheckpointError, match="start_from"):
        make_trainer(tmp_path).resume()
    make_trainer(tmp_path / "next").start_from(tmp_path / "state.pt")
