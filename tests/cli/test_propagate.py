"""Tests of `napari-samara propagate` and of `segment_volume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from tests.engine.phantom import ellipsoid

import napari_samara as samara
from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.errors import ImageError, PromptError
from napari_samara.images import read_image
from napari_samara.prompts import PromptSet, box, point, write_prompts
from napari_samara.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    from napari_samara.engine.predictor import Predictor

SHAPE = (9, 40, 44)
TRUTH = ellipsoid((4, 20, 22), (3.6, 11, 12), SHAPE)


@pytest.fixture
def volume() -> np.ndarray:
    """A bright ellipsoid, slices 1 to 7."""
    noise = np.random.default_rng(0).normal(300, 20, SHAPE)
    return (noise + 900 * TRUTH).astype(np.uint16)


@pytest.fixture(scope="module")
def tiny() -> Predictor:
    """The checkpoint that comes with the package."""
    return samara.load(device="cpu")


@pytest.fixture
def work(tmp_path: Path, volume: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("v.tif", volume, photometric="minisblack")
    write_prompts("p.json", PromptSet([box(9, 10, 32, 35, index=4)], object_id=3))
    return tmp_path


PROPAGATE = ["propagate", "v.tif", "--prompts", "p.json", "--out", "l.tif", "--device", "cpu"]


def dice(labels: np.ndarray, truth: np.ndarray = TRUTH) -> float:
    return float(2 * ((labels > 0) & truth).sum() / ((labels > 0).sum() + truth.sum()))


def test_command_writes_labels_and_flags(run: Callable[..., Ran], work: Path) -> None:
    ran = run(*PROPAGATE, "--json", "--spacing", "2,1,1")
    assert ran.status == 0, ran.err
    labels = read_image("l.tif")
    assert labels.shape == SHAPE
    assert set(np.unique(labels)) == {0, 3}
    assert dice(labels) > 0.8
    [entry] = ran.report["objects"]
    assert entry["id"] == 3
    assert entry["voxels"] == (labels > 0).sum()
    assert ran.report["spacing"] == [2, 1, 1]
    stakes = [flag["at_stake"] for flag in ran.report["flags"]]
    assert stakes == sorted(stakes, reverse=True)
    assert len(stakes) == len(entry["slices"]) - 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--out", "l.nii.gz"], "NIfTI says where voxels lie, and v.tif does not"),
        (["--out", "l.png"], ".tif"),
        (["--axis", "5"], "axis"),
        (["--z-range", "6:8"], "outside of z_range"),
        (["--spacing", "0,1,1"], "spacing"),
    ],
)
def test_wrong_use(run: Callable[..., Ran], work: Path, more: list[str], message: str) -> None:
    ran = run(*PROPAGATE, *more)
    assert ran.status == 1
    assert message in ran.err
    assert not list(work.glob("l.*"))


def test_nifti_lies_where_the_volume_does(
    run: Callable[..., Ran], work: Path, volume: np.ndarray
) -> None:
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    affine = np.array([[-0.5, 0, 0, 10], [0, 0.5, 0, 20], [0, 0, 1.5, -30], [0, 0, 0, 1]])
    made = nibabel.Nifti1Image(volume.T.astype(np.int16), affine)
    made.header.set_xyzt_units("mm")
    nibabel.save(made, "v.nii.gz")
    ran = run("propagate", "v.nii.gz", *PROPAGATE[2:], "--out", "l.nii.gz", "--json")
    assert ran.status == 0, ran.err
    assert ran.report["spacing"] == pytest.approx([1.5, 0.5, 0.5])
    found = nibabel.load("l.nii.gz")
    assert np.allclose(found.affine, affine)
    assert found.header.get_xyzt_units()[0] == "mm"
    assert dice(read_image("l.nii.gz")) > 0.8


def test_api_with_points_masks_and_range(volume: np.ndarray, tiny: Predictor) -> None:
    told: list[tuple[int, int]] = []
    found = samara.segment_volume(
        volume,
        [box(9, 10, 32, 35, index=4)],
        tiny,
        z_range=(2, 6),
        progress=lambda *at: told.append(at),
    )
    assert np.flatnonzero(found.labels.any((1, 2))).tolist() == [2, 3, 4, 5]
    assert found.scores[1].keys() == found.doubts[1].keys() == {2, 3, 4, 5}
    assert found.complete
    assert told[-1] == (3, 3)
    assert {flag.index for flag in found.flags} == {2, 3, 5}
    given = samara.segment_volume(volume, None, tiny, masks={5: {3: TRUTH[3], 5: TRUTH[5]}})
    assert np.array_equal(given.labels[3] == 5, TRUTH[3])
    assert (given.labels[4] == 5).any()


def test_cancel_returns_what_is_found(volume: np.ndarray, tiny: Predictor) -> None:
    found = samara.segment_volume(
        volume, [box(9, 10, 32, 35, index=4)], tiny, cancelled=lambda: True
    )
    assert not found.complete
    assert np.flatnonzero(found.labels.any((1, 2))).tolist() == [4]


def test_a_correction_goes_on_from_a_result(volume: np.ndarray, tiny: Predictor) -> None:
    store = MemoryStore()
    prompts = [box(9, 10, 32, 35, index=4)]
    first = samara.segment_volume(volume, prompts, tiny, store=store)
    wrong = TRUTH[6].copy()
    wrong[:, 22:] = False
    second = samara.segment_volume(
        volume, None, tiny, masks={1: {6: wrong}}, previous=first, store=store
    )
    assert np.array_equal(second.labels[6] == 1, wrong)
    assert np.array_equal(second.labels[:4], first.labels[:4])
    gone = samara.segment_volume(
        volume, [point(6, 2, 2, positive=False), box(9, 10, 32, 35, index=4)], tiny, previous=first
    )
    assert not gone.labels[6:].any()


def test_accepted_labels_stay(volume: np.ndarray, tiny: Predictor) -> None:
    there = np.zeros(SHAPE, np.uint8)
    there[:, 14:18, 14:18] = 9
    out = there.astype(np.int32)
    found = samara.segment_volume(
        volume, [box(9, 10, 32, 35, index=4)], tiny, labels=there, out=out
    )
    assert found.labels is out
    assert np.array_equal(out == 9, there == 9)
    assert dice(out == 1, TRUTH & (there == 0)) > 0.75


def test_other_axes_channels_and_time(volume: np.ndarray, tiny: Predictor) -> None:
    moving = np.stack([np.zeros_like(volume), volume])
    prompts = [box(9, 10, 32, 35, axis=(0, 1), index=(1, 4))]
    found = samara.segment_volume(moving, prompts, tiny, axis=1, fixed={0: 1}, z_range=(3, 6))
    assert not found.labels[0].any()
    assert found.labels[1, 3:6].any()
    across = samara.segment_volume(
        volume, [box(1, 10, 8, 35, axis=1, index=20)], tiny, axis=1, z_range=(17, 24)
    )
    assert np.flatnonzero(across.labels.any((0, 2))).tolist() == list(range(17, 24))


def test_axes_fused(volume: np.ndarray, tiny: Predictor) -> None:
    small = volume[:, 4:36:2, 4:40:2]
    truth = TRUTH[:, 4:36:2, 4:40:2]
    found = samara.segment_volume(
        small, [box(2, 3, 14, 16, index=4)], tiny, settings=PropagateSettings(consensus=True)
    )
    assert dice(found.labels, truth) > 0.7
    assert {mask.origin for mask in found.objects[1].values()} == {"given", "fused"}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"prompts": []}, PromptError),
        ({"prompts": [point(4, 20, 22, positive=False)]}, PromptError),
        ({"prompts": [box(1, 10, 8, 35, axis=1, index=20)]}, PromptError),
        ({"prompts": [box(9, 10, 32, 35, index=40)]}, PromptError),
        ({"masks": {1: {2: np.ones((3, 3))}}}, PromptError),
        ({"masks": {1: {2: np.zeros(SHAPE[1:])}}}, PromptError),
        ({"labels": np.zeros((2, 2, 2), int)}, ImageError),
        ({"out": np.zeros((2, 2, 2), int)}, ImageError),
        ({"z_range": (5, 5)}, ImageError),
        ({"spacing": (1, -1, 1)}, ImageError),
    ],
)
def test_what_does_not_fit(
    volume: np.ndarray, tiny: Predictor, options: dict[str, Any], error: type[Exception]
) -> None:
    given = {"prompts": [box(9, 10, 32, 35, index=4)], **options}
    if "masks" in options:
        del given["prompts"]
    with pytest.raises(error):
        samara.segment_volume(volume, checkpoint=tiny, **given)


def test_slices_of_nothing_but_nan(volume: np.ndarray, tiny: Predictor) -> None:
    holes = volume.astype(np.float32)
    holes[5] = np.nan
    found = samara.segment_volume(holes, [box(9, 10, 32, 35, index=4)], tiny)
    assert found.labels[3].any()
    with pytest.raises(ImageError, match="three axes"):
        samara.segment_volume(volume[4], [box(9, 10, 32, 35)], tiny)
