"""Prompts of all kinds in few calls, and opinions that are added to their logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.engine import volume_decoding
from napari_samara.engine.volume_decoding import SlicePrompt, decode_prompts
from napari_samara.errors import OutOfMemoryError
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor

PLAIN = PredictSettings()
POINTS = np.array([[10.0, 12.0], [20.0, 30.0]])


@pytest.fixture
def embedding(predictor: Predictor) -> Embedding:
    image = np.random.default_rng(0).integers(0, 255, (40, 56)).astype(np.uint8)
    return predictor.embed(image)


def prompts() -> list[SlicePrompt]:
    data = np.zeros((40, 56), bool)
    data[8:20, 9:30] = True
    return [
        SlicePrompt(box=(5, 6, 30, 40)),
        SlicePrompt(points=POINTS, positive=np.array([True, False]), box=(5, 6, 30, 40)),
        SlicePrompt(box=(2, 3, 20, 20)),
        SlicePrompt(box=(8, 9, 20, 30), mask=data),
        SlicePrompt(points=POINTS[:1], positive=np.array([True])),
    ]


def test_mixed_prompts_keep_their_order(predictor: Predictor, embedding: Embedding) -> None:
    found = decode_prompts(predictor, embedding, prompts(), PLAIN)
    for one, mask in zip(prompts(), found, strict=True):
        alone = predictor.predict(
            embedding, one.points if len(one.points) else None, one.positive, one.box, one.mask
        )[0]
        assert mask.score == pytest.approx(alone.score, abs=1e-5)
        assert np.allclose(mask.logits, alone.logits, atol=1e-4)


def test_opinions_decide(predictor: Predictor, embedding: Embedding) -> None:
    wanted = np.zeros((40, 56), bool)
    wanted[10:30, 10:40] = True
    opinion = np.where(wanted, 1e3, -1e3).astype(np.float32)
    given = SlicePrompt(box=(5, 6, 30, 40), opinion=opinion)
    plain, drawn = decode_prompts(predictor, embedding, [prompts()[0], given], PLAIN)
    assert np.mean(drawn.data == wanted) > 0.95
    assert np.allclose(drawn.logits, plain.logits, atol=1e-4)  # those of the model alone


def test_short_memory_halves_the_batch(
    predictor: Predictor, embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = decode_prompts(predictor, embedding, [prompts()[0]] * 5, PLAIN)
    real, sizes = volume_decoding.decode, []

    def decode(
        model: object, given: Embedding, parts: tuple, *rest: object, **more: object
    ) -> object:
        sizes.append(len(parts[2]))
        if len(parts[2]) > 2:
            raise MemoryError("full")
        return real(model, given, parts, *rest, **more)

    monkeypatch.setattr(volume_decoding, "decode", decode)
    found = decode_prompts(predictor, embedding, [prompts()[0]] * 5, PLAIN)
    assert sizes == [5, 2, 2, 1]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.data, other.data)
    monkeypatch.setattr(volume_decoding, "decode", _full)
    with pytest.raises(OutOfMemoryError, match="single prompt"):
        decode_prompts(predictor, embedding, [prompts()[0]], PLAIN)


def _full(*args: object, **kwargs: object) -> object:
    raise MemoryError("full")
