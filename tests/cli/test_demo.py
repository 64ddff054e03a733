"""Tests of `napari-samara demo`."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_fill_holes
from skimage.filters import sobel
from skimage.segmentation import watershed

from napari_samara import api
from napari_samara.checkpoints import find_checkpoint
from napari_samara.cli.demo import sample
from napari_samara.images import read_image
from napari_samara.prompts import read_prompts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

FILES = ["coins.png", "labels.tif", "overlay.png", "prompts.json"]


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("_no_network")
def test_files_and_table(run: Callable[..., Ran], work: Path) -> None:
    ran = run("demo", "--device", "cpu")
    assert ran.status == 0
    folder = work / "samara-demo"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    image, prompts = sample()
    assert read_prompts(folder / "prompts.json") == prompts
    assert np.array_equal(read_image(folder / "coins.png"), image)
    assert read_image(folder / "labels.tif").shape == image.shape
    with Image.open(folder / "overlay.png") as picture:
        assert picture.mode == "RGB"
        assert max(picture.size) > 1000
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines[1:25]] == [str(n) for n in range(1, 25)]
    assert "samara-demo/overlay.png" in ran.out


def test_the_command_it_ends_with_gives_the_same(run: Callable[..., Ran], work: Path) -> None:
    out = run("demo", "--device", "cpu").out
    command = out.splitlines()[-1].split()
    assert command[0] == "napari-samara"
    assert run(*command[1:], "--device", "cpu").status == 0
    assert np.array_equal(read_image("labels.tif"), read_image("samara-demo/labels.tif"))


def test_report_and_folder(run: Callable[..., Ran], work: Path) -> None:
    report = run("demo", "--device", "cpu", "--out", "a/b", "--json").report
    assert sorted(report["files"]) == [f"a/b/{name}" for name in FILES]
    assert len(report["objects"]) == 24
    assert report["seconds"] > 0


def test_folder_that_cannot_be_made(run: Callable[..., Ran], work: Path) -> None:
    ran = run("demo", "--out", "i.tif")
    assert ran.status == 1
    assert "cannot make the folder i.tif" in ran.err


def test_every_kind_of_prompt_is_shown() -> None:
    image, prompts = sample()
    assert {prompt.kind for prompt in prompts} == {"point", "box", "scribble", "polygon"}
    assert len(prompts.objects) == 24
    for number in prompts.objects:
        prompts.inputs(number, image.shape)


def test_shipped_checkpoint_finds_the_coins() -> None:
    """Boxes are what even weak weights are good at; scikit-image's own recipe is the truth."""
    if find_checkpoint("samara-tiny").path is None:
        pytest.skip("the files of samara-tiny are not in this checkout")
    image, prompts = sample()
    markers = np.where(image < 30, 1, np.where(image > 150, 2, 0))
    coins = binary_fill_holes(watershed(sobel(image), markers) == 2)
    labels = api.segment(image, prompts, "samara-tiny", device="cpu")
    overlaps = []
    for number, given in prompts.objects.items():
        if [prompt.kind for prompt in given] != ["box"]:
            continue
        row0, col0, row1, col1 = (int(side) for side in prompts.inputs(number, image.shape).box)
        truth = np.zeros_like(coins)
        truth[row0:row1, col0:col1] = coins[row0:row1, col0:col1]
        found = labels == number
        overlaps.append(np.count_nonzero(found & truth) / np.count_nonzero(found | truth))
    assert len(overlaps) == 12
    assert np.median(overlaps) > 0.75, overlaps
