"""Tests of training the 3D U-Net of propagation."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import torch

from napari_samara.engine import volume_ahead
from napari_samara.errors import FileFormatError
from napari_samara.model.propagation_net import PropagationNet
from napari_samara.training import propagation_net
from napari_samara.training.net_trainer import export
from napari_samara.training.propagation_examples import PropagationExamples
from napari_samara.training.propagation_net import (
    PropagationRecipe,
    PropagationTrainer,
    main,
    propagation_loss,
    volumes_of,
)

SHORT = PropagationRecipe(steps=6, batch=2, warmup=2)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes take long to make."""
    monkeypatch.setattr(PropagationExamples, "SCENES", 1)
    monkeypatch.setattr(PropagationExamples, "EACH", 16)


def trainer(folder, recipe=SHORT):
    return PropagationTrainer((), recipe, folder, (4, 6, 8, 8))


def test_a_run_that_stops_goes_on_as_if_it_had_not(tmp_path):
    whole = trainer(tmp_path / "whole")
    assert [row["step"] for row in whole.run(5, processes=0)][-1] == 6
    first = trainer(tmp_path / "parts")
    for step in range(3):
        first.learn(*first.examples[step])
    first.save()
    second = trainer(tmp_path / "parts")
    rows = list(second.run(5, processes=0))
    assert set(rows[-1]) == {"step", "loss", "dice"}
    for one, other in zip(
        whole.average.state_dict().values(), second.average.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_something_is_learned(tmp_path):
    run = trainer(tmp_path, PropagationRecipe(steps=200, batch=4, warmup=5, rate=5e-3))
    examples = run.examples[0]
    losses = [run.learn(*examples)[0] for _ in range(40)]
    assert losses[-1] < 0.7 * losses[0]


def test_loss():
    inside = torch.zeros(1, 2, 8, 8)
    inside[:, 0, 2:6, 2:6] = 1
    both = torch.ones(1, 2)
    loss, dice = propagation_loss(40 * inside - 20, inside, both)
    assert float(loss) < 1e-3
    assert float(dice) > 0.999
    wrong = 20 - 40 * inside
    worse, none = propagation_loss(wrong, inside, both)
    assert float(worse) > 50
    assert float(none) < 0.5
    # A slice beyond the volume does not count, whatever is found there.
    first = torch.tensor([[1.0, 0.0]])
    logits = torch.where(torch.arange(2)[:, None, None] == 0, 40 * inside - 20, wrong)
    assert float(propagation_loss(logits, inside, first)[0]) < 1e-3


def test_what_is_exported_is_what_propagation_reads(tmp_path, monkeypatch):
    torch.manual_seed(0)
    net = PropagationNet().eval()
    export(net, tmp_path / "net.safetensors")
    monkeypatch.setattr(volume_ahead, "WEIGHTS", tmp_path / "net.safetensors")
    volume_ahead.propagation_net.cache_clear()
    try:
        again = volume_ahead.propagation_net()
    finally:
        volume_ahead.propagation_net.cache_clear()
    for one, other in zip(again.parameters(), net.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4)


def test_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(propagation_net, "volumes_of", lambda data: [])
    monkeypatch.setattr(propagation_net, "WEIGHTS", tmp_path / "net" / "net.safetensors")
    command = ["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--steps", "1",
               "--processes", "0", "--threads", "1", "--export"]  # fmt: skip
    main(command)
    assert json.loads(capsys.readouterr().out)["step"] == 1
    assert (tmp_path / "net" / "net.safetensors").stat().st_size > 2_000_000


def test_real_volumes_are_the_part_to_learn_from(tmp_path):
    folder = tmp_path / "fibsem_medulla"
    folder.mkdir()
    with pytest.raises(FileFormatError, match="complete"):
        volumes_of(tmp_path)
    slices = np.arange(210, dtype=np.uint8)[:, None, None] + np.zeros((1, 6, 7), np.uint8)
    tifffile.imwrite(folder / "raw.ome.tif", slices, metadata={"axes": "ZYX"})
    tifffile.imwrite(
        folder / "neuron_labels.ome.tif", slices.astype(np.uint16), metadata={"axes": "ZYX"}
    )
    (volume,) = volumes_of(tmp_path)
    assert volume.image.shape == volume.labels.shape == (200, 6, 7)
    assert volume.labels.max() == 199
