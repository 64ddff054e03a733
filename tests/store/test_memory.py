"""The store in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.store.contract import KEY, StoreContract, embedding_of

from napari_samara.store import EmbeddingStore, MemoryStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


def test_is_a_store() -> None:
    assert isinstance(MemoryStore(), EmbeddingStore)


def test_drops_what_was_not_used_longest() -> None:
    one = embedding_of(KEY)
    store = MemoryStore(budget=2 * one.nbytes)
    keys = [replace(KEY, pixels=str(number)) for number in range(3)]
    store.put(embedding_of(keys[0]))
    store.put(embedding_of(keys[1]))
    assert store.get(keys[0]) is not None  # now the one used last
    store.put(embedding_of(keys[2]))
    assert [key in store for key in keys] == [True, False, True]
    assert store.nbytes == 2 * one.nbytes
    assert len(store) == 2


def test_keeps_one_that_is_larger_than_the_budget() -> None:
    store = MemoryStore(budget=1)
    store.put(embedding_of(KEY))
    assert KEY in store
    store.clear()
    assert store.nbytes == 0
    assert KEY not in store
