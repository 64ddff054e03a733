"""Tests of what is seen of an object in the slices ahead, with the network that is shipped."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara.engine.volume_ahead import expected_iou, look_ahead, propagation_net

SHAPE = (30, 64, 72)
TRUTH = (
    np.array(((np.indices(SHAPE) - np.reshape((14, 30, 34), (3, 1, 1, 1))) / 8.5) ** 2).sum(0) <= 1
)  # slices 6 to 22


def volume() -> np.ndarray:
    """One bright ball in a grey noise."""
    noise = np.random.default_rng(0).normal(60, 8, SHAPE)
    return np.where(TRUTH, noise + 100, noise).clip(0, 255).astype(np.uint8)


def seen(index: int, way: int, away: int = 0, turned: bool = False) -> dict[int, np.ndarray]:
    """Logits by slice, of a volume that is moved along z, then turned around."""
    order = -1 if turned else 1
    slices = np.roll(volume(), away, 0)[::order]
    mask = np.roll(TRUTH, away, 0)[::order][index]
    ahead = look_ahead(slices.__getitem__, {index: mask}, index, way, len(slices))
    return {at: ahead.at(at, SHAPE[1:]).logits for at in ahead.logits}


@pytest.mark.parametrize("way", [1, -1])
def test_a_ball_is_followed_to_its_end(way: int) -> None:
    logits = seen(14, way)
    assert sorted(logits) == (list(range(15, 28)) if way > 0 else list(range(1, 14)))
    for index, values in logits.items():
        assert values.shape == SHAPE[1:]
        assert values.dtype == np.float32
        assert np.abs(values).max() <= 8
        found, true = values > 0, TRUTH[index]
        if abs(index - 14) <= 6:
            assert 2 * (found & true).sum() > 0.85 * (found.sum() + true.sum())
        if abs(index - 14) >= 10:
            assert not found.any()


def test_both_ways_are_alike() -> None:
    there, back = seen(14, 1), seen(15, -1, turned=True)
    for index, values in there.items():
        assert np.abs(values - back[29 - index]).max() < 1e-3


def test_nothing_is_seen_beyond_the_volume() -> None:
    assert sorted(seen(26, 1, 12)) == [27, 28, 29]
    assert seen(29, 1, 15) == {}
    assert sorted(seen(2, -1, -12)) == [0, 1]


def test_masks_behind_have_a_say() -> None:
    image = volume()
    one = look_ahead(image.__getitem__, {14: TRUTH[14]}, 14, 1, 30)
    masks = {14: TRUTH[14], 13: np.zeros_like(TRUTH[13]), 12: np.zeros_like(TRUTH[12])}
    other = look_ahead(image.__getitem__, masks, 14, 1, 30)
    assert one.square == other.square
    assert not torch.equal(one.logits[15], other.logits[15])


def test_an_object_must_be_there() -> None:
    with pytest.raises(ValueError, match="slice 3"):
        look_ahead(volume().__getitem__, {3: np.zeros(SHAPE[1:], bool)}, 3, 1, 30)


def test_a_slice_ahead_that_cannot_be_read_is_no_obstacle() -> None:
    image = volume()

    def read(index: int) -> np.ndarray:
        if index in (3, 20):
            raise OSError("broken")
        return image[index]

    found = look_ahead(read, {14: TRUTH[14]}, 14, 1, 30)
    same = np.concatenate([image[:20], image[19:20], image[21:]])
    wanted = look_ahead(same.__getitem__, {14: TRUTH[14]}, 14, 1, 30)
    assert all(torch.equal(found.logits[at], wanted.logits[at]) for at in range(15, 28))
    look_ahead(read, {5: TRUTH[8]}, 5, 1, 30)  # 3 is behind it
    with pytest.raises(OSError, match="broken"):
        look_ahead(read, {3: TRUTH[8]}, 3, 1, 30)


def test_a_slice_that_shows_nothing_is_no_obstacle() -> None:
    image = volume()
    image[15] = 0
    found = look_ahead(image.__getitem__, {14: TRUTH[14]}, 14, -1, 30)
    image[15] = image[14]
    wanted = look_ahead(image.__getitem__, {14: TRUTH[14]}, 14, -1, 30)
    assert all(torch.equal(found.logits[at], wanted.logits[at]) for at in range(1, 14))


def test_objects_of_any_size_and_slices_of_any_shape() -> None:
    tiny, image = np.zeros((5, 7), bool), np.zeros((1, 5, 7), np.uint8)
    tiny[2, 3] = True
    assert look_ahead(image.__getitem__, {0: tiny}, 0, 1, 1).logits == {}
    large = np.zeros((3, 900, 40), np.uint8)
    whole = np.ones((900, 40), bool)
    found = look_ahead(large.__getitem__, {1: whole}, 1, -1, 3)
    assert found.at(0, (900, 40)).logits.shape == (900, 40)
    assert np.isfinite(found.at(0, (900, 40)).logits).all()


def test_how_good_a_mask_is_expected_to_be() -> None:
    sure = torch.full((8, 8), -20.0)
    sure[2:5, 2:6] = 20
    assert expected_iou(sure) == pytest.approx(1)
    assert expected_iou(-20 * torch.ones(4, 4)) < 1e-6
    # 4 pixels of 0.8 inside, 12 of 0.1 outside: 3.2 of 5.2
    odds = torch.full((4, 4), 0.1).logit()
    odds[:2, :2] = torch.tensor(0.8).logit()
    assert expected_iou(odds) == pytest.approx(3.2 / 5.2, abs=1e-5)


def test_the_network_is_read_once_and_in_32_bits() -> None:
    net = propagation_net()
    assert net is propagation_net()
    assert not net.training
    assert {value.dtype for value in net.parameters()} == {torch.float32}
