"""Tests of training the U-Net of Find all."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from tests.training.miniature import square

from napari_samara.engine import cell_maps
from napari_samara.errors import SettingsError
from napari_samara.model.cell_net import CellNet
from napari_samara.training import cell_net
from napari_samara.training.cell_net import (
    CellRecipe,
    CellTrainer,
    is_left_out,
    learned_from,
    main,
)
from napari_samara.training.data import LabelledImage
from napari_samara.training.net_trainer import export
from napari_samara.training.views import Source, Views

SHORT = CellRecipe(steps=12, batch=2, side=64, warmup=3)


def trainer(folder, recipe=SHORT):
    return CellTrainer(Views([Source([square()], 1.0)], 0.3), recipe, folder, (8, 12, 16))


def weights(run):
    both = run.net.state_dict().values(), run.average.state_dict().values()
    return [value.clone() for value in itertools.chain(*both)]


def test_a_run_that_stops_goes_on_as_if_it_had_not(tmp_path):
    whole = trainer(tmp_path / "whole")
    rows = list(whole.run(5, processes=0))
    assert rows[-1]["step"] == whole.step == 12

    first = trainer(tmp_path / "parts")
    for step in range(5):
        first.learn(*first.examples[step])
    first.save()
    second = trainer(tmp_path / "parts")
    assert second.step == 5
    list(second.run(5, processes=0))
    assert all(map(torch.equal, weights(second), weights(whole)))
    assert list(second.run(5, processes=0)) == []  # it is at its end


def test_time_ends_a_run_and_keeps_its_state(tmp_path):
    run = trainer(tmp_path)
    assert [row["step"] for row in run.run(0.0, processes=0)] == [1]
    assert trainer(tmp_path).step == 1


def test_something_is_learned(tmp_path):
    run = trainer(tmp_path, CellRecipe(steps=60, batch=2, side=64, warmup=3))
    losses = [run.learn(*run.examples[step])[0] for step in range(60)]
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:10])
    rate = CellRecipe(steps=100, warmup=10).rate_of
    assert rate(0) < rate(9) == rate(19) > rate(60) > rate(99) > 0


def test_one_image_of_five_is_left_out_where_there_are_many():
    image = square()
    many = [LabelledImage(f"{n}.png", "made", image.image, image.labels) for n in range(200)]
    few = [LabelledImage(f"few {n}", "made", image.image, image.labels) for n in range(4)]
    given = [Source(many, 1.0)] + [Source(few, 1.0)] * 5
    parts = learned_from(given)
    assert 140 < len(parts[0].images) < 180
    assert not any(map(is_left_out, parts[0].images))
    assert list(parts[1].images) == few
    assert [part.weight for part in parts] == list(cell_net.SHARES)


def test_exported_weights_are_those_of_the_average(tmp_path, monkeypatch):
    torch.manual_seed(1)
    net = CellNet().eval()
    export(net, tmp_path / "net.safetensors")
    monkeypatch.setattr(cell_maps, "WEIGHTS", tmp_path / "net.safetensors")
    cell_maps.cell_net.cache_clear()
    try:
        again = cell_maps.cell_net(torch.device("cpu"))
    finally:
        cell_maps.cell_net.cache_clear()
    for one, other in zip(again.parameters(), net.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4)


def test_views_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="multiple of 8, got 60"):
        trainer(tmp_path, CellRecipe(side=60))


def test_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cell_net, "sources", lambda data: [Source([square()], 1.0)] * 6)
    monkeypatch.setattr(cell_net, "WEIGHTS", tmp_path / "net.safetensors")
    command = ["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--steps", "2",
               "--processes", "0", "--threads", "1"]  # fmt: skip
    main(command)
    assert json.loads(capsys.readouterr().out)["step"] == 2
    assert not (tmp_path / "net.safetensors").exists()
    main([*command, "--export"])
    assert (tmp_path / "net.safetensors").stat().st_size > 1000


def test_a_run_that_is_not_at_its_end_is_not_exported(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cell_net, "sources", lambda data: [Source([square()], 1.0)] * 6)
    monkeypatch.setattr(cell_net, "WEIGHTS", tmp_path / "net.safetensors")
    command = ["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--steps", "3",
               "--processes", "0", "--threads", "1", "--export", "--minutes", "0"]  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 1
    assert "1 of 3 steps are done: nothing is exported" in capsys.readouterr().err
    assert not (tmp_path / "net.safetensors").exists()


def test_data_that_is_not_there_is_told_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(tmp_path / "none"), "--out", str(tmp_path / "run"), "--threads", "1"])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "MANIFEST.tsv" in told
