"""Tests of fitting the network that judges masks nobody asked for."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_samara import api
from napari_samara.engine.automatic import Scene, automatic_masks
from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.engine.candidate_scores import CandidateScores
from napari_samara.engine.dense_opinion import FACTS
from napari_samara.intensity import to_rgb
from napari_samara.training.candidate_scores import Examined, Examples, fit, main
from napari_samara.training.data import LabelledImage


@pytest.fixture(scope="module")
def tiny():
    """samara-tiny as it comes with the package."""
    return api.load("samara-tiny", device="cpu")


@pytest.fixture(scope="module")
def item(disks):
    return LabelledImage("disks", "dsb2018", disks.image, disks.labels.astype(np.int32))


def made_up(rng, count, object_share=0.3):
    """Masks of which those of high votes are objects, whatever the score says."""
    facts = rng.uniform(0, 1, (count, len(FACTS))).astype(np.float32)
    good = rng.random(count) < object_share
    facts[:, FACTS.index("votes")] = np.where(good, 0.8, 0.2) + rng.normal(0, 0.1, count)
    return Examples(facts, np.where(good, 0.8, 0.1))


def test_what_tells_objects_from_mistakes_is_learned():
    rng = np.random.default_rng(0)
    judge = fit([made_up(rng, 60) for _ in range(20)], steps=300, networks=2)
    fresh = made_up(rng, 400)
    right = (judge.of(fresh.facts) > 0.5) == (fresh.ious >= 0.5)
    assert right.mean() > 0.97
    again = fit([made_up(np.random.default_rng(4), 60)], steps=20, networks=2)
    same = fit([made_up(np.random.default_rng(4), 60)], steps=20, networks=2)
    assert again.to_json() == same.to_json()
    assert not np.array_equal(*again.layers[0][0])


def test_objects_count_three_times():
    """Where nothing tells them apart, six mistakes for four objects score 12 / 18."""
    facts = np.zeros((10, len(FACTS)), np.float32)
    images = [Examples(facts, np.repeat((0.9, 0.2), (4, 6)))] * 5
    assert fit(images, steps=400, networks=2).of(facts[:1])[0] == pytest.approx(12 / 18, abs=0.03)


def test_masks_of_an_image_are_those_of_a_search(tiny, item, disks):
    found = Examined(tiny, item).examples()
    assert found.facts.shape == (len(found.ious), len(FACTS))
    assert (found.ious >= 0.5).sum() >= 11
    assert len(found.ious) <= 40
    settings = AutomaticSettings(score=0.0, stability=0.0)
    search = automatic_masks(tiny, Scene(to_rgb(disks.image)), settings)
    assert len(search.proposals) == len(found.ious)
    stable = sorted(one.stability for one in search.proposals)
    assert sorted(found.facts[:, 1].tolist()) == pytest.approx(stable, abs=1e-6)


def test_where_not_all_is_labelled_other_masks_say_nothing(tiny, item):
    labels = np.where(item.labels <= 3, item.labels, 0)
    some = Examined(tiny, replace(item, labels=labels)).examples()
    assert (some.ious == 0).any()
    partly = Examined(tiny, replace(item, labels=labels, dataset="usiigaci")).examples()
    assert (partly.ious > 0).all()
    assert len(partly.ious) == (some.ious > 0).sum()


def test_command_line(tmp_path, item, capsys):
    Image.fromarray(item.image).save(tmp_path / "i.png")
    Image.fromarray(item.labels.astype(np.uint8)).save(tmp_path / "l.png")
    row = "part\tdataset\timage\tlabels\ntrain\tmine\ti.png\tl.png\n"
    (tmp_path / "MANIFEST.tsv").write_text(row)
    out = tmp_path / "scores.json"
    main(["--data", str(tmp_path), "--datasets", "mine", "--out", str(out)])
    assert "of objects" in capsys.readouterr().out
    judge = CandidateScores.from_json(out.read_text())
    assert len(json.loads(out.read_text())["layers"]) == 3
    found = Examined(api.load("samara-tiny", device="cpu"), item).examples()
    assert judge.of(found.facts)[found.ious >= 0.5].mean() > 0.7
