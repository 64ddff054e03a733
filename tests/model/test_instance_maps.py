"""First guesses of objects from votes for their centres."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_samara.model.instance_maps import InstanceHead, InstanceMaps, guesses
from napari_samara.model.prompt_encoder import Places

STRIDE, SIDE = 4, 32
LEFT = (slice(4, 12), slice(2, 12))
RIGHT = (slice(4, 12), slice(12, 22))  # it touches the left one


def voted() -> InstanceMaps:
    """Two rectangles whose pixels vote for their centres; all others vote for themselves."""
    own = (torch.arange(SIDE) + 0.5) * STRIDE
    centres = torch.stack([own.expand(SIDE, -1), own[:, None].expand(-1, SIDE)])[None].clone()
    for rows, cols in (LEFT, RIGHT):
        middle = [STRIDE * (s.start + s.stop) / 2 for s in (cols, rows)]
        centres[0, :, rows, cols] = torch.tensor(middle)[:, None, None]
    zeros = torch.zeros(1, SIDE, SIDE)
    return InstanceMaps(zeros, zeros, zeros, centres, zeros + 1)


def mask(rows: slice, cols: slice) -> Tensor:
    """(SIDE, SIDE) bool."""
    out = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    out[rows, cols] = True
    return out


def of_points(points: list[list[float]], labels: list[int]) -> Tensor:
    """Guess for one prompt of several points, (maps, SIDE, SIDE)."""
    places = Places(1, torch.tensor([points]), torch.tensor([labels]))
    return guesses(voted(), places, STRIDE)[0]


def test_a_point_gives_the_pixels_that_vote_as_it_does() -> None:
    positive, negative, box = of_points([[20.0, 22.0]], [1])  # in the left one, off its centre
    assert torch.equal(positive > 0.5, mask(*LEFT))
    assert not negative.any()
    assert not box.any()


def test_signs_have_maps_of_their_own_and_padding_counts_for_nothing() -> None:
    points = [[20.0, 22.0], [70.0, 30.0], [110.0, 110.0], [5.0, 120.0]]
    positive, negative, _ = of_points(points, [1, 0, -1, -10])
    assert torch.equal(positive > 0.5, mask(*LEFT))
    assert torch.equal(negative > 0.5, mask(*RIGHT))


def test_several_points_give_all_that_one_of_them_means() -> None:
    positive = of_points([[20.0, 22.0], [70.0, 30.0]], [1, 1])[0]
    assert torch.equal(positive > 0.5, mask(*LEFT) | mask(*RIGHT))


def test_a_box_gives_the_pixels_that_vote_for_its_centre() -> None:
    places = Places(2, boxes=torch.tensor([[7.5, 15.5, 47.5, 47.5], [47.5, 15.5, 87.5, 47.5]]))
    found = guesses(voted(), places, STRIDE)[:, 2]
    for guess, place in zip(found, (LEFT, RIGHT), strict=True):
        assert guess[place].min() > 0.99
        assert (guess > 0.99).sum() == mask(*place).sum()


def test_points_far_outside_break_nothing() -> None:
    assert of_points([[-500.0, 9000.0]], [1]).isfinite().all()


def test_the_head_reads_votes_relative_to_each_pixel() -> None:
    head = InstanceHead(3)
    torch.nn.init.zeros_(head.maps.weight)
    with torch.no_grad():
        head.maps.bias.copy_(torch.tensor([1.0, 2.0, 3.0, 0.5, -0.25, 100.0]))
        maps = head(torch.randn(2, 3, 4, 6), 4)
    assert maps.centres.shape == (2, 2, 4, 6)
    assert maps.centres[0, :, 1, 2].tolist() == [10 + 16, 6 - 8]  # x = 2.5 * 4 + 0.5 * 32
    assert (maps.inside.unique(), maps.boundary.unique(), maps.depth.unique()) == (1, 2, 3)
    assert maps.log_width.max() < 10  # whatever the weights say


@pytest.mark.parametrize("kind", ["points", "boxes", "none"])
def test_places_are_cut_and_moved(kind: str) -> None:
    points, boxes = torch.rand(3, 2, 2), torch.rand(3, 4)
    labels = torch.tensor([[1, 0]] * 3)
    places = {
        "points": Places(3, points, labels),
        "boxes": Places(3, boxes=boxes),
        "none": Places(3),
    }[kind]
    part = places.part(slice(1, 9)).moved(10, -20)
    assert part.count == 2
    if kind == "points":
        torch.testing.assert_close(part.points, points[1:] + torch.tensor([10.0, -20.0]))
        assert torch.equal(part.labels, labels[1:])
    elif kind == "boxes":
        torch.testing.assert_close(part.boxes, boxes[1:] + torch.tensor([10.0, -20.0] * 2))
    assert (part.points is None, part.boxes is None) == (kind != "points", kind != "boxes")
