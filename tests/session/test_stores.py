"""Tests of stores as sessions open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.embedding import IMAGE_EMBEDDINGS, Embedding, EmbeddingKey
from napari_samara.geometry import Frame
from napari_samara.session.stores import embedding_store
from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from pathlib import Path

LARGE = 1e6  # more than 16 bits hold


def embedding() -> Embedding:
    """Features that fit into 16 bits, and some that do not."""
    rng = np.random.default_rng(1)
    maps = {IMAGE_EMBEDDINGS: rng.normal(size=(4, 8, 8)), "high_res_0": LARGE * np.ones((2, 4, 4))}
    return Embedding(maps, Frame(64, 64, 128), EmbeddingKey(pixels="1"))


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_files_are_those_of_the_plain_store(tmp_path: Path, precision: str) -> None:
    given = embedding()
    plain, quick = ZarrStore(tmp_path / "a", precision), embedding_store(tmp_path / "b", precision)
    for store in (plain, quick):
        store.put(given)
    files = [
        {file.relative_to(store.path): file.read_bytes() for file in store.path.rglob("*")
         if file.is_file()}
        for store in (plain, quick)
    ]  # fmt: skip
    assert files[0] == files[1]
    assert given.key is not None
    found = plain.get(given.key)
    assert found is not None
    assert float(found.features["high_res_0"].max()) == LARGE
