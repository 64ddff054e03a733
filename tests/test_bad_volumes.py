"""Tests of volumes that are hardly any, and of what does not fit them: no crash, no hang."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.engine.phantom import ellipsoid
from tests.zarr_files import write_image

import napari_samara as samara
from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.errors import ImageError, SamaraError, StoreError
from napari_samara.formats.ome_labels import open_labels
from napari_samara.prompts import PromptSet, box
from napari_samara.store import zarr_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor

SHAPE = (5, 40, 44)
TRUTH = ellipsoid((2, 20, 22), (3.6, 11, 12), SHAPE)
BOX = box(9, 10, 32, 35, index=2)


@pytest.fixture(scope="module")
def tiny() -> Predictor:
    """The checkpoint that comes with the package."""
    return samara.load(device="cpu")


@pytest.fixture
def volume() -> np.ndarray:
    noise = np.random.default_rng(0).normal(300, 20, SHAPE)
    return (noise + 900 * TRUTH).astype(np.float32)


def follow(volume: Any, prompt: Any, tiny: Any, **options: Any) -> np.ndarray:
    """Labels of one object, once by `segment_volume` and once by a session."""
    options.setdefault("settings", PropagateSettings())
    found = samara.segment_volume(volume, PromptSet([prompt]), tiny, **options)
    session = samara.open_session(volume, tiny, contrast=None)
    session.add(prompt)
    done = session.propagate(axis=options.get("axis"))
    assert done.failed == ""
    assert session.labels.shape == volume.shape
    session.close()
    return np.asarray(found.labels)


@pytest.mark.parametrize(
    ("region", "prompt", "axis", "least"),
    [
        (np.s_[2:3], box(9, 10, 32, 35, index=0), 0, 0.75),
        (np.s_[:, :, 22:23], box(9, 0, 32, 1, index=2), 0, 0.75),
        (np.s_[:, 20:21], box(0, 9, 1, 32, index=2), 0, 0.75),
        (np.s_[2:3, 20:21, 22:23], box(0, 0, 1, 1, index=0), 0, 0.75),
        (np.s_[1:4, 19:21, 21:23], box(0, 0, 3, 2, axis=1, index=0), 1, 0.75),
    ],
)
def test_axes_of_one_pixel(
    volume: np.ndarray, tiny: Predictor, region: Any, prompt: Any, axis: int, least: float
) -> None:
    part = volume[region]
    labels = follow(part, prompt, tiny, axis=axis)
    assert labels.shape == part.shape
    truth = TRUTH[region]
    assert ((labels > 0) & truth).sum() * 2 / ((labels > 0).sum() + truth.sum()) > least


def test_one_slice_takes_what_is_given(volume: np.ndarray, tiny: Predictor) -> None:
    mask = TRUTH[2]
    for settings in (None, PropagateSettings(method="interpolate")):
        found = samara.segment_volume(
            volume[2:3], None, tiny, masks={7: {0: mask}}, settings=settings
        )
        assert np.array_equal(found.labels[0] == 7, mask)
        assert found.flags == ()


def test_embedding_across_axes_of_one_pixel(
    volume: np.ndarray, predictor: Predictor, tmp_path: Path
) -> None:
    part = volume[2:3, :, 22:23]
    done = samara.embed(part, tmp_path / "s.zarr", predictor, axes=(0, 1, 2))
    assert (done.planes, done.encoded) == (1 + 40 + 1, 42)


def test_slice_without_numbers_ends_the_object(
    volume: np.ndarray, tiny: Predictor, tmp_path: Path
) -> None:
    volume[4] = np.nan
    volume[1, 0, 0], volume[0, 3, 3] = np.inf, -np.inf
    labels = follow(volume, BOX, tiny)
    assert labels[0:4].any((1, 2)).all()
    assert not labels[4].any()
    done = samara.embed(volume, tmp_path / "s.zarr", tiny)
    assert done.encoded == len(volume)
    assert np.isfinite(done.contrast.limits).all()


@pytest.mark.parametrize("value", [np.nan, 0.0, np.inf])
def test_volume_of_nothing(volume: np.ndarray, predictor: Predictor, value: float) -> None:
    labels = follow(np.full_like(volume, value), BOX, predictor)
    assert labels.shape == SHAPE


@pytest.mark.parametrize(
    "spacing", [(0, 1, 1), (-1, 1, 1), (1, np.nan, 1), (1, 1, np.inf), (1, 1), "abc", 3.0]
)
def test_spacing_that_is_none(volume: np.ndarray, predictor: Predictor, spacing: Any) -> None:
    for out in (None, "l.ome.zarr"):
        with pytest.raises(ImageError, match="not one positive number for each of the 3 axes"):
            samara.segment_volume(volume, PromptSet([BOX]), predictor, spacing=spacing, out=out)
    session = samara.open_session(volume, predictor)
    session.add(BOX)
    with pytest.raises(ImageError, match="not one positive number"):
        session.propagate(spacing=spacing)
    assert not session.labels.any()
    session.close()


def test_spacing_in_the_file_that_is_none(tmp_path: Path, tiny: Predictor) -> None:
    write_image(tmp_path / "a.zarr", (900 * TRUTH).astype(np.uint16), scale={"z": 0.0})
    out = tmp_path / "l.ome.zarr"
    samara.segment_volume(tmp_path / "a.zarr", PromptSet([BOX]), tiny, out=out)
    assert open_labels(out).highest == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": np.zeros((5, 40, 43), int)}, r"labels have shape \(5, 40, 43\)"),
        ({"labels": [[1]]}, r"labels have shape \(1, 1\)"),
        ({"out": np.zeros((5, 40, 43), int)}, r"whole numbers of shape \(5, 40, 44\)"),
        ({"out": np.zeros(SHAPE)}, "float64"),
        ({"out": [[1]]}, "list"),
        ({"out": np.broadcast_to(np.int32(0), SHAPE)}, "read-only"),
        ({"out": np.zeros(SHAPE, np.uint8), "object_id": 300}, "300 does not fit labels .* 255"),
        ({"z_range": (3, 3)}, "no range of the 5 slices"),
        ({"axis": 3}, "axis"),
    ],
)
def test_what_does_not_fit(
    volume: np.ndarray, predictor: Predictor, options: Any, message: str
) -> None:
    prompts = PromptSet([BOX], object_id=options.pop("object_id", 1))
    with pytest.raises(ImageError, match=message):
        samara.segment_volume(volume, prompts, predictor, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda v: v[:0], "got shape"),
        (lambda v: v.astype(complex), "real numbers"),
        (lambda v: v.astype(object), "real numbers"),
        (lambda v: v[0], "shape"),
    ],
)
def test_what_is_no_volume(
    volume: np.ndarray, predictor: Predictor, make: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises(SamaraError, match=message):
        samara.segment_volume(make(volume), PromptSet([BOX]), predictor)


def newer(path: Path) -> None:
    path.mkdir()
    about = {"format": "samara-embeddings", "version": 9}
    group = {"zarr_format": 3, "node_type": "group", "attributes": about}
    (path / "zarr.json").write_text(json.dumps(group))


def image(path: Path) -> None:
    write_image(path, np.zeros(SHAPE, np.uint8))


def cut(path: Path) -> None:
    path.mkdir()
    (path / "zarr.json").write_text("{")


def file(path: Path) -> None:
    path.write_text("x")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (newer, r"holds \('samara-embeddings', 9\); this release reads"),
        (image, "no store of embeddings"),
        (cut, "no store of embeddings"),
        (file, "no store of embeddings"),
    ],
)
def test_stores_that_are_none(
    volume: np.ndarray, predictor: Predictor, tmp_path: Path, make: Any, message: str
) -> None:
    path = tmp_path / "s.zarr"
    make(path)
    with pytest.raises(StoreError, match=message):
        samara.embed(volume, path, predictor)
    with pytest.raises(StoreError, match=message):
        samara.segment_volume(volume, PromptSet([BOX]), predictor, store=path)
    with pytest.raises(StoreError, match=message):
        samara.open_session(volume, predictor, store=path)


@pytest.mark.parametrize("error", [OSError(28, "No space left"), OSError(30, "Read-only")])
def test_store_that_cannot_be_written(
    volume: np.ndarray,
    predictor: Predictor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
) -> None:
    def refuse(*_: Any) -> None:
        raise error

    expected = samara.segment_volume(volume, PromptSet([BOX]), predictor).labels
    monkeypatch.setattr(zarr_store, "write_entry", refuse)
    with pytest.raises(StoreError, match=rf"cannot write to the store .*{error.strerror}"):
        samara.embed(volume, tmp_path / "s.zarr", predictor)
    # whoever needs the slice now gets it; only the next time it is encoded again
    found = samara.segment_volume(volume, PromptSet([BOX]), predictor, store=tmp_path / "t.zarr")
    assert np.array_equal(found.labels, expected)
