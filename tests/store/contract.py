"""What every store must do; each store's test file inherits it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.embedding import Embedding, EmbeddingKey
from napari_samara.errors import StoreError
from napari_samara.geometry import Frame

if TYPE_CHECKING:
    from napari_samara.store import EmbeddingStore

KEY = EmbeddingKey("ab" * 32, {"displayed": [1, 2]}, None, "cd" * 32, {"policy": "auto"})


def embedding_of(key: EmbeddingKey | None, side: int = 4, seed: int = 0) -> Embedding:
    """An embedding of two feature maps that float16 holds exactly."""
    rng = np.random.default_rng(seed)
    maps = {
        "image_embeddings": rng.integers(-99, 99, (8, side, side)).astype(np.float32) / 8,
        "high_res_0": rng.integers(-99, 99, (2, 2 * side, side)).astype(np.float32) / 8,
    }
    return Embedding(maps, Frame(40, 60, 64), key)


def same(one: Embedding, other: Embedding | None) -> bool:
    """Whether two embeddings are equal in all parts."""
    return (
        other is not None
        and one.frame == other.frame
        and one.key == other.key
        and set(one.features) == set(other.features)
        and all(np.array_equal(one.features[name], other.features[name]) for name in one.features)
    )


class StoreContract:
    """Subclasses give the fixture `store`, an empty store."""

    def test_starts_empty(self, store: EmbeddingStore) -> None:
        assert KEY not in store
        assert store.get(KEY) is None
        assert store.nbytes == 0

    def test_gives_back_what_was_put(self, store: EmbeddingStore) -> None:
        given = embedding_of(KEY)
        store.put(given)
        assert KEY in store
        assert same(given, store.get(replace(KEY)))
        assert store.nbytes > 0

    @pytest.mark.parametrize(
        "change",
        [
            {"pixels": "00" * 32},
            {"plane": ""},
            {"crop": (0, 0, 5, 5)},
            {"checkpoint": "ef" * 32},
            {"intensity": ""},
            {"precision": "float16"},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_no_part_of_the_key_is_ignored(
        self, store: EmbeddingStore, change: dict[str, object]
    ) -> None:
        store.put(embedding_of(KEY))
        assert store.get(replace(KEY, **change)) is None  # type: ignore[arg-type]

    def test_putting_twice_changes_nothing(self, store: EmbeddingStore) -> None:
        store.put(embedding_of(KEY))
        size = store.nbytes
        store.put(embedding_of(KEY))
        assert store.nbytes == size

    def test_refuses_an_embedding_without_key(self, store: EmbeddingStore) -> None:
        with pytest.raises(StoreError, match="without a key"):
            store.put(embedding_of(None))

    def test_something_else_is_not_in_it(self, store: EmbeddingStore) -> None:
        assert "a text" not in store

    def test_several_threads(self, store: EmbeddingStore) -> None:
        keys = [replace(KEY, pixels=f"{number:064x}") for number in range(6)]
        wrong: list[object] = []

        def work(seed: int) -> None:
            for number in np.random.default_rng(seed).permutation(len(keys)):
                try:
                    store.put(embedding_of(keys[number], seed=int(number)))
                    if not same(
                        embedding_of(keys[number], seed=int(number)), store.get(keys[number])
                    ):
                        wrong.append(number)
                except Exception as error:
                    wrong.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
