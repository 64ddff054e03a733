"""From a few known objects to the others, headless, with the checkpoint that comes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import napari_samara as samara
from napari_samara.engine.similar_settings import SimilarSettings
from napari_samara.errors import CancelledError, ImageError

if TYPE_CHECKING:
    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.similar_search import SimilarFound

KNOWN = (1, 2, 3)


@pytest.fixture(scope="module")
def tiny() -> Predictor:
    return samara.load("samara-tiny", device="cpu")


def known(disks: Disks) -> np.ndarray:
    return np.where(np.isin(disks.labels, KNOWN), disks.labels, 0)


def hits(found: SimilarFound, labels: np.ndarray) -> list[int]:
    """Label of each object found, 0 where the IoU is below 0.5."""
    names = []
    for one in found.objects:
        mask = one.outline.within((0, 0, *labels.shape))
        number = int(np.bincount(labels[mask]).argmax())
        iou = (mask & (labels == number)).sum() / (mask | (labels == number)).sum()
        names.append(number if iou >= 0.5 else 0)
    return names


def test_the_other_disks_are_found(tiny: Predictor, disks: Disks) -> None:
    calls: list[tuple[int, int]] = []
    found = samara.find_similar(
        disks.image, known(disks), tiny, progress=lambda done, total: calls.append((done, total))
    )
    names = hits(found, disks.labels)
    assert len(set(names) - {0}) >= 7  # of nine
    assert names.count(0) <= 2
    assert not set(names) & set(KNOWN)
    assert len(names) == len(set(names) | {0}) - (0 not in names)
    likes = [one.likeness for one in found.objects]
    assert likes == sorted(likes, reverse=True)
    assert calls[-1][0] == calls[-1][1] == len(calls)


def test_the_map_covers_the_plane(tiny: Predictor, disks: Disks) -> None:
    found = samara.find_similar(disks.image, known(disks), tiny)
    rows, cols = found.similarity.shape
    assert abs(rows * found.step - 128) <= found.step
    assert abs(cols * found.step - 160) <= found.step
    grown = np.kron(found.similarity, np.ones((round(found.step),) * 2))[:128, :160]
    on = disks.labels[: grown.shape[0], : grown.shape[1]] > 0
    assert grown[on].mean() > grown[~on].mean() + 0.3


def test_another_image_is_searched_with_the_same_examples(tiny: Predictor, disks: Disks) -> None:
    found = samara.find_similar(disks.image, known(disks), tiny, target=disks.image[::-1].copy())
    names = hits(found, disks.labels[::-1])
    assert len(set(names) - {0}) >= 9  # the three that were known as well


def test_rejected_ones_are_left_out(tiny: Predictor, disks: Disks) -> None:
    labels = disks.labels
    rejected = np.where(labels == 9, labels, 0)
    found = samara.find_similar(disks.image, known(disks), tiny, rejected=rejected)
    assert 9 not in hits(found, labels)


def test_a_higher_likeness_offers_fewer(tiny: Predictor, disks: Disks) -> None:
    counts = [
        len(
            samara.find_similar(
                disks.image, known(disks), tiny, SimilarSettings(at_least=at_least)
            ).objects
        )
        for at_least in (0.0, 0.99)
    ]
    assert counts[0] > counts[1]


def test_what_is_refused(tiny: Predictor, disks: Disks) -> None:
    with pytest.raises(ImageError, match="accept"):
        samara.find_similar(disks.image, np.zeros_like(disks.labels), tiny)
    with pytest.raises(ImageError, match="labels"):
        samara.find_similar(disks.image, disks.labels[:-1], tiny)
    with pytest.raises(ImageError, match="plane"):
        samara.find_similar(np.zeros((2, 3, 4, 5)), disks.labels, tiny)
    with pytest.raises(CancelledError):
        samara.find_similar(disks.image, known(disks), tiny, cancelled=lambda: True)
