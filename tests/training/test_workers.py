"""Tests of training in several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tests.training.miniature import make_trainer, train_as_worker
from torch import nn
from torch.multiprocessing.spawn import spawn

from napari_samara.training.state import read_state
from napari_samara.training.workers import Workers

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 3


def test_alone_nothing_is_shared() -> None:
    alone = Workers.of_this_process()
    assert alone == Workers(0, 1)
    layer = nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    weight, grad = layer.weight.detach().clone(), layer.weight.grad
    assert grad is not None
    before = grad.clone()
    alone.share([layer.weight])
    alone.average_gradients(list(layer.parameters()))
    assert torch.equal(layer.weight, weight)
    assert torch.equal(grad, before)


@pytest.mark.parametrize("decision", [True, False])
def test_alone_one_decides_oneself(decision: bool) -> None:
    assert Workers().agree(decision) is decision


def test_two_workers_end_with_equal_weights(tmp_path: Path) -> None:
    """They start from other weights and see other views."""
    spawn(train_as_worker, (2, STEPS, tmp_path), nprocs=2)
    first, second = (torch.load(tmp_path / f"weights{r}.pt", weights_only=True) for r in (0, 1))
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    alone = make_trainer(tmp_path / "alone", seed=0)
    start = {k: v.detach().clone() for k, v in alone.model.named_parameters()}
    for _ in range(STEPS):
        alone.train_step()
    name = "mask_decoder.mask_tokens.weight"
    assert not torch.allclose(first[name], start[name])
    assert not torch.allclose(first[name], alone.model.get_parameter(name))  # two saw more
    assert read_state(tmp_path / "run0" / "state.pt")["step"] == STEPS
    assert not (tmp_path / "run1").exists()  # the first alone saves
