"""Planes encoded several at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_samara.engine.encoding import BatchEncoder, EncoderInput, batch_that_fits, prepare
from napari_samara.errors import OutOfMemoryError
from napari_samara.intensity import Contrast

if TYPE_CHECKING:
    from napari_samara.engine.predictor import Predictor

SHAPES = ((48, 64), (64, 48), (30, 64))


@pytest.fixture
def planes() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (*shape, 3)).astype(np.uint8) for shape in SHAPES]


def prepared(predictor: Predictor, planes: list[np.ndarray]) -> list[EncoderInput]:
    return [prepare(predictor, rgb, predictor.key(rgb, Contrast())) for rgb in planes]


@pytest.mark.parametrize("batch", [1, 3])
def test_same_embeddings_as_one_by_one(
    predictor: Predictor, planes: list[np.ndarray], batch: int
) -> None:
    encoder = BatchEncoder(predictor, batch)
    inputs = prepared(predictor, planes)
    groups = [inputs[start : start + batch] for start in range(0, len(inputs), batch)]
    found = [embedding for group in groups for embedding in encoder.encode(group)]
    for rgb, embedding in zip(planes, found, strict=True):
        alone = predictor.embed_rgb(rgb, Contrast())
        assert (embedding.key, embedding.frame) == (alone.key, alone.frame)
        if batch == 1:
            assert np.array_equal(embedding.image, alone.image)
        difference = np.abs(embedding.image - alone.image).max()
        assert difference <= 1e-4 * np.abs(alone.image).max()


def test_a_plane_does_not_keep_its_batch_in_memory(
    predictor: Predictor, planes: list[np.ndarray]
) -> None:
    found = BatchEncoder(predictor, 3).encode(prepared(predictor, planes))
    for embedding in found:
        owner = embedding.image
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        assert owner.nbytes == embedding.image.nbytes


class Short:
    """An encoder that has memory for so many planes."""

    def __init__(self, predictor: Predictor, room: int) -> None:
        self.encode, self.room = predictor.model.encode, room
        self.batches: list[int] = []

    def __call__(self, pixels: torch.Tensor) -> object:
        self.batches.append(len(pixels))
        if len(pixels) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.encode(pixels)


def test_short_memory_halves_the_batch(
    predictor: Predictor, planes: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = prepared(predictor, [*planes, *planes, planes[0]])
    expected = [given.key for given in inputs]
    short = Short(predictor, room=2)
    monkeypatch.setattr(predictor.model, "encode", short)
    encoder = BatchEncoder(predictor, 7)
    assert [embedding.key for embedding in encoder.encode(inputs)] == expected
    assert short.batches == [7, 4, 2, 2, 3, 2, 1]
    assert encoder.size <= 2


def test_no_memory_for_a_single_plane_says_what_to_do(
    predictor: Predictor, planes: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = prepared(predictor, planes)
    monkeypatch.setattr(predictor.model, "encode", Short(predictor, room=0))
    with pytest.raises(OutOfMemoryError, match=r"smaller checkpoint.*is kept"):
        BatchEncoder(predictor, 4).encode(inputs)


def test_other_errors_are_not_taken_for_short_memory(
    predictor: Predictor, planes: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = prepared(predictor, planes)

    def broken(_: torch.Tensor) -> object:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(predictor.model, "encode", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        BatchEncoder(predictor, 4).encode(inputs)


@pytest.mark.parametrize(
    ("free", "each", "expected"), [(100, 10, 4), (100, 60, 1), (1e9, 1, 8), (0, 10, 1), (10, 0, 8)]
)
def test_batch_that_fits(free: float, each: float, expected: int) -> None:
    assert batch_that_fits(free, each) == expected


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_batch_is_learned_on_cuda(tiny_sam: torch.nn.Module) -> None:
    from napari_samara.engine.device import choose_device
    from napari_samara.engine.predictor import Predictor
    from napari_samara.model.sam import SamModel

    assert isinstance(tiny_sam, SamModel)
    predictor = Predictor(SamModel(tiny_sam.config), choice=choose_device("cuda"))
    rgb = np.zeros((48, 64, 3), np.uint8)
    encoder = BatchEncoder(predictor)
    encoder.encode(prepared(predictor, [rgb]))
    assert encoder.size == 8
