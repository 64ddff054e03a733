"""Tests on a real CUDA device with the shipped checkpoint: ``make test-gpu``."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import skimage.data
import torch

from napari_samara.api import load
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor
    from napari_samara.masks import Mask

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(), reason="no CUDA device, or torch is built without CUDA"
    ),
]

DEVICE = "cuda"
BOXES = np.array(
    [
        [34, 21, 75, 68],
        [38, 80, 75, 121],
        [27, 131, 75, 180],
        [29, 191, 74, 241],
        [15, 304, 73, 366],
    ]
)


def half_precisions() -> list[str]:
    """Those that the first device is made for."""
    if not torch.cuda.is_available():
        return ["float16"]
    return ["float16", "bfloat16"] if torch.cuda.is_bf16_supported() else ["float16"]


@pytest.fixture(scope="module")
def coins() -> np.ndarray:
    """A photograph of coins (303, 384)."""
    return np.asarray(skimage.data.coins())


@pytest.fixture(scope="module")
def exact() -> Predictor:
    """On the CPU."""
    return load("samara-tiny", device="cpu")


@pytest.fixture(scope="module")
def single() -> Predictor:
    """On the GPU, in single precision."""
    return load("samara-tiny", device=DEVICE, precision="float32")


def overlap(found: list[Mask], expected: list[Mask]) -> list[float]:
    """IoU of masks one by one."""
    pairs = zip(found, expected, strict=True)
    return [float((a.data & b.data).sum() / max((a.data | b.data).sum(), 1)) for a, b in pairs]


def test_single_precision_gives_the_masks_of_the_cpu(
    exact: Predictor, single: Predictor, coins: np.ndarray
) -> None:
    truth = exact.predict_many(exact.embed(coins), boxes=BOXES)
    found = single.predict_many(single.embed(coins), boxes=BOXES)
    assert min(overlap(found, truth)) > 0.98
    assert [m.score for m in found] == pytest.approx([m.score for m in truth], abs=0.02)


@pytest.mark.parametrize("precision", half_precisions())
def test_half_precision_gives_nearly_the_same_masks(
    exact: Predictor, coins: np.ndarray, precision: str
) -> None:
    half = load("samara-tiny", device=DEVICE, precision=precision)
    embedding = half.embed(coins)
    assert embedding.image.dtype == np.float32
    assert np.isfinite(embedding.image).all()
    truth = exact.predict_many(exact.embed(coins), boxes=BOXES)
    assert np.mean(overlap(half.predict_many(embedding, boxes=BOXES), truth)) > 0.95


def test_automatic_choice_is_the_gpu(coins: np.ndarray) -> None:
    predictor = load("samara-tiny")
    assert predictor.device.kind == DEVICE
    assert predictor.model.device.type == DEVICE
    assert predictor.device.precision in {"float32", *half_precisions()}
    assert predictor.predict(predictor.embed(coins), points=[(50, 45)])[0].area > 0


def test_embedding_serves_either_device(
    exact: Predictor, single: Predictor, coins: np.ndarray
) -> None:
    """Embeddings lie on the host: a store filled on a GPU is read by a laptop."""
    there: Embedding = single.embed(coins)
    found = exact.predict_many(there, boxes=BOXES)
    assert min(overlap(found, single.predict_many(there, boxes=BOXES))) > 0.98


@pytest.mark.parametrize("chunk", [1, 2, 64])
def test_chunks_change_nothing(single: Predictor, coins: np.ndarray, chunk: int) -> None:
    embedding = single.embed(coins)
    found = single.predict_many(embedding, boxes=BOXES, settings=PredictSettings(chunk=chunk))
    assert min(overlap(found, single.predict_many(embedding, boxes=BOXES))) > 0.99


def test_threads_share_a_predictor(single: Predictor, coins: np.ndarray) -> None:
    embedding = single.embed(coins)
    expected = single.predict_many(embedding, boxes=BOXES)
    start = threading.Barrier(4)

    def work(_: int) -> list[Mask]:
        start.wait()
        return single.predict_many(single.embed(coins), boxes=BOXES)

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(work, range(4)):
            assert min(overlap(found, expected)) > 0.99


def allocated() -> int:
    """Bytes of tensors on the device."""
    gc.collect()
    torch.cuda.synchronize()
    return torch.cuda.memory_allocated()


def test_memory_is_given_back(coins: np.ndarray) -> None:
    before = allocated()
    predictor = load("samara-tiny", device=DEVICE)
    predictor.predict_many(predictor.embed(coins), boxes=BOXES)
    once = allocated()
    for shift in range(3):
        embedding = predictor.embed(np.roll(coins, 7 * shift, axis=0))
        predictor.predict_many(embedding, boxes=BOXES)
    assert allocated() == once  # images and prompts leave nothing behind
    del predictor, embedding
    assert allocated() == before


@pytest.fixture
def no_memory() -> Iterator[None]:
    """A device that has not one more byte for this process."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.usefixtures("no_memory")
def test_full_device_falls_back_to_the_cpu(
    exact: Predictor, single: Predictor, coins: np.ndarray
) -> None:
    large = np.tile(coins, (2, 2))
    with pytest.warns(RuntimeWarning, match="out of memory"):
        embedding = single.embed(large)
    np.testing.assert_allclose(embedding.image, exact.embed(large).image, atol=1e-3)
