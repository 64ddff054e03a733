"""Tests of `napari-samara embed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_samara import api
from napari_samara.session.embed_settings import EmbedSettings
from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

EMBED = ["embed", "v.tif", "--store", "v.zarr", "--device", "cpu"]


@pytest.fixture
def volume(work: Path) -> np.ndarray:
    """The volume in ``v.tif``, uint16, 3 x 40 x 50."""
    made = np.random.default_rng(0).integers(0, 4000, (3, 40, 50)).astype(np.uint16)
    tifffile.imwrite(work / "v.tif", made, photometric="minisblack")
    return made


def test_a_session_finds_what_it_wrote(run: Callable[..., Ran], volume: np.ndarray) -> None:
    ran = run(*EMBED)
    assert (ran.status, ran.out) == (0, "v.zarr: 3 planes encoded, 0 were there\n")
    assert "at most: 3 planes, about" in ran.err
    assert "slices 3/3" in ran.err
    assert len(ZarrStore("v.zarr").folders()) == 3
    done = api.embed(volume, "v.zarr", api.DEFAULT_CHECKPOINT, device="cpu")
    assert (done.encoded, done.found) == (0, 3)


def test_three_axes_and_going_on(run: Callable[..., Ran], volume: np.ndarray) -> None:
    run(*EMBED)
    report = run(*EMBED, "--axes", "0,1,2", "--resume", "--json").report
    assert (report["planes"], report["encoded"], report["found"]) == (93, 90, 3)
    assert report["settings"] == EmbedSettings().to_dict()
    assert report["contrast"]["policy"] == "limits"
    assert report["estimate"]["planes"] == 93


def test_options_become_settings(run: Callable[..., Ran], volume: np.ndarray) -> None:
    options = ["--contrast", "minmax", "--per-slice", "--batch", "2"]
    options += ["--store-precision", "float32"]
    report = run(*EMBED, *options, "--json").report
    assert report["settings"] == EmbedSettings("minmax", True, "float32", 2).to_dict()
    assert report["contrast"]["policy"] == "minmax"
    name = ZarrStore("v.zarr").folders()[0] / "image_embeddings" / "zarr.json"
    assert "float32" in name.read_text()


def test_an_image(run: Callable[..., Ran], work: Path) -> None:
    ran = run("embed", "i.tif", *EMBED[2:])
    assert "1 planes encoded" in ran.out


def test_a_time_of_a_movie_with_channels_first(run: Callable[..., Ran], work: Path) -> None:
    movie = np.zeros((2, 3, 4, 20, 30), np.uint8)  # t, c, z, y, x
    tifffile.imwrite(work / "v.tif", movie, photometric="minisblack")
    options = ["--file-axes", "TCZYX", "--channels", "0,2,1", "--axes", "1", "--fixed", "0=1"]
    report = run(*EMBED, *options, "--json").report
    assert report["planes"] == 4


def test_an_estimate_writes_nothing(
    run: Callable[..., Ran], volume: np.ndarray, work: Path
) -> None:
    ran = run(*EMBED, "--estimate")
    assert ran.status == 0
    assert ran.out.startswith("3 planes, about ")
    assert not (work / "v.zarr").exists()


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--resume"], 1, "no store v.zarr to go on with"),
        (["--axes", "ZYX"], 2, "--file-axes"),
        (["--axes", "3"], 1, "axis 3"),
        (["--fixed", "z"], 2, "AXIS=INDEX"),
        (["--batch", "-1"], 1, "batch"),
        (["--store", "i.tif"], 1, "no store"),
    ],
)
def test_wrong_use(
    run: Callable[..., Ran], volume: np.ndarray, options: list[str], status: int, said: str
) -> None:
    ran = run(*EMBED, *options)
    assert ran.status == status
    assert said in ran.err
