"""Tests of embeddings and their keys."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from napari_samara.embedding import Embedding, EmbeddingKey, pixels_digest
from napari_samara.errors import FrameError, StoreError
from napari_samara.geometry import Frame
from napari_samara.intensity import Contrast
from napari_samara.planes import Plane

KEY = EmbeddingKey(
    pixels="ab12",
    plane=Plane.of(3, fixed={0: 4}).to_dict(),
    crop=(0, 0, 64, 64),
    checkpoint="cd34",
    intensity=Contrast().to_dict(),
    precision="float16",
)


def test_features_become_read_only_float32() -> None:
    source = np.ones((4, 6, 2), np.float16).transpose(2, 0, 1)
    embedding = Embedding({"image_embeddings": source, "high_res_0": source}, Frame(8, 8, 64), KEY)
    assert embedding.image.shape == (2, 4, 6)
    for array in embedding.features.values():
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 0] = 2
    with pytest.raises(TypeError):
        embedding.features["more"] = source  # type: ignore[index]
    assert embedding.nbytes == 2 * 2 * 4 * 6 * 4
    assert source.flags.writeable


def test_embedding_crosses_a_process_border() -> None:
    embedding = Embedding({"image_embeddings": np.ones((1, 2, 2))}, Frame(8, 8, 64), KEY)
    again = pickle.loads(pickle.dumps(embedding))
    np.testing.assert_array_equal(again.image, embedding.image)
    assert (again.frame, again.key) == (embedding.frame, KEY)
    assert not again.image.flags.writeable


@pytest.mark.parametrize(
    "features",
    [
        {},
        {"high_res_0": np.ones((1, 2, 2))},
        {"image_embeddings": np.ones((2, 2))},
        {"image_embeddings": np.ones((1, 1, 2, 2))},
        {"image_embeddings": np.ones((1, 0, 2))},
        {"image_embeddings": np.ones((1, 2, 2), int)},
    ],
)
def test_bad_features_are_refused(features: dict) -> None:
    with pytest.raises(FrameError, match=r"image_embeddings|floats"):
        Embedding(features, Frame(8, 8, 64))


@pytest.mark.parametrize(
    "change",
    [
        {"pixels": "ab13"},
        {"plane": ""},
        {"plane": Plane.of(3, fixed={1: 4}).to_dict()},
        {"crop": None},
        {"crop": (0, 0, 64, 65)},
        {"checkpoint": "cd35"},
        {"intensity": Contrast("minmax").to_dict()},
        {"precision": "float32"},
    ],
)
def test_every_field_changes_the_digest(change: dict) -> None:
    assert replace(KEY, **change).digest() != KEY.digest()


def test_digest_is_the_same_everywhere() -> None:
    key = EmbeddingKey("p", {"b": 1, "a": 2}, [1, 2, 3, 4], "c")  # type: ignore[arg-type]
    same = EmbeddingKey("p", '{"a":2,"b":1}', (1, 2, 3, 4), "c")
    assert key == same
    assert key.digest() == same.digest()
    assert len(key.digest()) == 64


def test_key_round_trip_through_json() -> None:
    again = EmbeddingKey.from_dict(json.loads(json.dumps(KEY.to_dict())))
    assert again == KEY
    assert hash(again) == hash(KEY)


@pytest.mark.parametrize("data", [{}, {"pixels": "a"}, {**KEY.to_dict(), "more": 1}])
def test_bad_key_is_refused(data: dict) -> None:
    with pytest.raises(StoreError, match="entries"):
        EmbeddingKey.from_dict(data)


def test_pixels_digest_sees_values_shape_and_type_but_not_layout() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    digest = pixels_digest(rgb)
    assert pixels_digest(np.asfortranarray(rgb)) == digest
    assert pixels_digest(rgb.repeat(2, axis=0)[::2]) == digest
    changed = rgb.copy()
    changed[-1, -1, -1] ^= 1
    others = [changed, rgb.reshape(40, 50, 3), rgb.astype(np.uint16), rgb[:0]]
    assert len({digest, *map(pixels_digest, others)}) == 5
    wide = rgb.astype(">u2")
    assert pixels_digest(wide) == pixels_digest(wide.astype("<u2"))


def test_pixels_digest_of_many_blocks_is_that_of_one() -> None:
    big = np.zeros((3000, 2000, 3), np.uint8)  # several blocks
    big[2999, 1999, 2] = 1
    assert pixels_digest(big) != pixels_digest(np.zeros_like(big))
    assert pixels_digest(big[::-1][::-1]) == pixels_digest(big)
