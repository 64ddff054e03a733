"""Several arrays as one: the same pixels as stacking them all, and nothing else is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari_samara import embedding
from napari_samara.embedding import pixels_digest
from napari_samara.errors import ImageError
from napari_samara.session.restored import image_digest
from napari_samara.ui.channels import StackedChannels

ARRAYS = np.random.default_rng(0).integers(0, 999, (3, 4, 5, 6), np.uint16)
REGIONS: list[Any] = [
    2,
    (2,),
    (slice(None), 1),
    (1, slice(0, 3), slice(2, 5)),
    (slice(1, 3), 2, slice(None), 1),
    (slice(None), slice(None), 3),
    (),
]


@pytest.mark.parametrize("region", REGIONS, ids=str)
@pytest.mark.parametrize("count", [2, 3])
def test_as_if_stacked(region: Any, count: int) -> None:
    stacked = StackedChannels(ARRAYS[:count])
    truth = np.stack(ARRAYS[:count], axis=-1)
    assert (stacked.shape, stacked.ndim, len(stacked)) == (truth.shape, 4, 4)
    assert np.array_equal(stacked[region], truth[region])
    assert stacked[region].dtype == stacked.dtype == truth.dtype


def test_types_are_brought_together() -> None:
    stacked = StackedChannels([np.ones((2, 2), np.uint8), np.full((2, 2), 0.5, np.float32)])
    assert np.array_equal(stacked[0], [[1, 0.5], [1, 0.5]])
    assert stacked.dtype == np.float32


@pytest.mark.parametrize("shapes", [[(2, 2)], [(2, 2)] * 4, [(2, 2), (2, 3)]])
def test_refused(shapes: Any) -> None:
    with pytest.raises(ImageError, match="channels"):
        StackedChannels([np.zeros(shape) for shape in shapes])


def test_only_what_is_asked_for_is_read() -> None:
    class Watched:
        shape, ndim, dtype = (9, 4, 5), 3, np.dtype(np.uint8)

        def __init__(self) -> None:
            self.read: list[Any] = []

        def __getitem__(self, region: Any) -> np.ndarray:
            self.read.append(region)
            return np.zeros(self.shape, self.dtype)[region]

    arrays = [Watched(), Watched()]
    assert StackedChannels(arrays)[3, :, 1:3].shape == (4, 2, 2)
    region = (3, slice(None), slice(1, 3))
    assert [array.read for array in arrays] == [[region], [region]]


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_the_digest_is_that_of_a_stack_that_is_never_made(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "_BLOCK", block)
    stacked = StackedChannels(ARRAYS)
    read: list[int] = []
    inner = StackedChannels.__getitem__

    def watched(self: StackedChannels, region: Any) -> np.ndarray:
        found = inner(self, region)
        read.append(found.nbytes)
        return found

    monkeypatch.setattr(StackedChannels, "__getitem__", watched)
    truth = np.stack(ARRAYS, axis=-1)
    assert image_digest(stacked) == pixels_digest(truth)
    assert max(read) <= max(block, truth[0].nbytes)
    assert image_digest(StackedChannels(ARRAYS[::-1])) != image_digest(stacked)


def test_a_lazy_channel_has_no_digest() -> None:
    class Lazy:
        shape, ndim, dtype = (4, 5), 2, np.dtype(np.uint8)

    assert image_digest(StackedChannels([np.zeros((4, 5), np.uint8), Lazy()])) is None
