"""Embeddings in memory: the ones used last, within a budget of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from napari_samara.errors import StoreError

if TYPE_CHECKING:
    from napari_samara.embedding import Embedding, EmbeddingKey

DEFAULT_BUDGET = 512 << 20
"""Bytes; more than a hundred planes of a base-size model."""


class MemoryStore:
    """Keeps the embeddings used last.

    Parameters
    ----------
    budget : int
        Bytes of features.  The entry put last stays even if it alone is larger.
    """

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self.budget = budget
        self._entries: OrderedDict[EmbeddingKey, Embedding] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes that the entries take."""
        return self._nbytes

    def get(self, key: EmbeddingKey) -> Embedding | None:
        """Return the embedding of a key, which then is the one used last.

        Parameters
        ----------
        key : EmbeddingKey
            Of the plane, contrast and checkpoint.

        Returns
        -------
        Embedding or None
            The very object that was put.
        """
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, embedding: Embedding) -> None:
        """Keep an embedding, and drop those not used for longest while over the budget.

        Parameters
        ----------
        embedding : Embedding
            With a key.

        Raises
        ------
        StoreError
            If it has no key.
        """
        if embedding.key is None:
            raise StoreError("an embedding without a key cannot be stored; embed it with its key")
        with self._lock:
            self._drop(embedding.key)
            self._entries[embedding.key] = embedding
            self._nbytes += embedding.nbytes
            while self._nbytes > self.budget and len(self._entries) > 1:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._nbytes = 0

    def __contains__(self, key: object) -> bool:
        """Whether there is an entry, which does not count as using it."""
        with self._lock:
            return key in self._entries

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def _drop(self, key: EmbeddingKey) -> None:
        old = self._entries.pop(key, None)
        if old is not None:
            self._nbytes -= old.nbytes
