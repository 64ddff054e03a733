"""What every embedding store does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from napari_samara.embedding import Embedding, EmbeddingKey


@runtime_checkable
class EmbeddingStore(Protocol):
    """Embeddings by key; safe to use from several threads at once.

    An entry is found under a key equal to its own and under no other, whole or not at all.
    """

    def get(self, key: EmbeddingKey) -> Embedding | None:
        """Return the embedding of a key, or None where there is none that can be read."""
        ...

    def put(self, embedding: Embedding) -> None:
        """Keep an embedding under its key; an equal key may be there already.

        Raises
        ------
        StoreError
            If the embedding has no key or cannot be written.
        """
        ...

    def __contains__(self, key: object) -> bool:
        """Whether `get` would find something."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes that the entries take."""
        ...
