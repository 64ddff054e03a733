"""Tests of the frame between image and model input."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from napari_samara.errors import FrameError
from napari_samara.geometry import Frame, resize_plane

SIZES = [(r, c) for r in (1, 2, 3, 97, 511, 683, 1023, 1024, 1025, 4480) for c in (1, 5, 768, 1500)]


@pytest.fixture(scope="module")
def reference():
    """The published package's own resize; it alone says what the weights were trained with."""
    if find_spec("segment_anything") is None:
        pytest.skip("segment-anything is not installed")
    from tests.reference.torchvision_shim import segment_anything

    return segment_anything().utils.transforms.ResizeLongestSide


def test_resized_is_the_published_one_for_all_sizes(reference) -> None:
    rng = np.random.default_rng(3)
    shapes = [*SIZES, *((int(r), int(c)) for r, c in rng.integers(1, 5000, (5000, 2)))]
    for input_size in (64, 512, 1024):
        for rows, cols in shapes:
            wanted = reference.get_preprocess_shape(rows, cols, input_size)
            # A side that the published formula shrinks to nothing cannot be encoded there at all.
            assert Frame(rows, cols, input_size).resized == tuple(max(1, n) for n in wanted)


def test_resized_follows_the_written_formula() -> None:
    for rows, cols in SIZES:
        scale = 1024 / max(rows, cols)
        wanted = tuple(max(1, int(side * scale + 0.5)) for side in (rows, cols))
        assert Frame(rows, cols).resized == wanted


@pytest.mark.parametrize("shape", [(480, 640), (1500, 2250), (333, 500), (1024, 1024)])
def test_points_and_boxes_are_the_published_ones(reference, shape: tuple[int, int]) -> None:
    transform = reference(1024)
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, min(shape), (20, 2))
    frame = Frame(*shape)
    np.testing.assert_allclose(
        frame.to_input(xy[:, ::-1]), transform.apply_coords(xy, shape), rtol=1e-6
    )
    xyxy = rng.uniform(0, min(shape), (7, 4))
    boxes = frame.boxes_to_input(xyxy[:, [1, 0, 3, 2]])
    np.testing.assert_allclose(boxes, transform.apply_boxes(xyxy, shape), rtol=1e-6)
    assert boxes.dtype == np.float32


@pytest.mark.parametrize("shape", [(30, 50), (80, 64), (64, 64), (7, 3)])
def test_resized_pixels_are_the_published_ones(reference, shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    wanted = reference(64).apply_image(rgb)
    np.testing.assert_array_equal(resize_plane(rgb, Frame(*shape, 64)), wanted)


def test_resize_averages_when_it_shrinks() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[::2] = 200
    small = resize_plane(stripes, Frame(256, 256, 32))
    assert small.shape == (32, 32, 3)
    assert np.abs(small.astype(int) - 100).max() < 10


def test_resize_takes_a_view_that_is_not_contiguous() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    turned = rgb.transpose(1, 0, 2)
    wanted = np.asarray(Image.fromarray(turned.copy()).resize((43, 64), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(resize_plane(turned, Frame(60, 40, 64)), wanted)


@pytest.mark.parametrize("shape", [(480, 640), (1, 1), (1, 3000), (2049, 17)])
def test_to_image_undoes_to_input(shape: tuple[int, int]) -> None:
    frame = Frame(*shape)
    rc = np.array([[0, 0], [0.25, 0.5], [shape[0] - 1, shape[1] - 1]], dtype=np.float64)
    np.testing.assert_allclose(frame.to_image(frame.to_input(rc)), rc, atol=1e-3)


def test_scales_differ_for_rows_and_columns() -> None:
    frame = Frame(333, 500)
    assert frame.resized == (682, 1024)
    x, y = frame.to_input((333, 500))
    assert (x, y) == (1024, 682)


def test_any_number_of_leading_axes() -> None:
    frame = Frame(10, 20, 40)
    assert frame.to_input(np.zeros((3, 5, 2))).shape == (3, 5, 2)
    assert frame.to_input((5, 7)).tolist() == [14, 10]
    assert frame.boxes_to_input([(1, 2, 3, 4)]).tolist() == [[4, 2, 8, 6]]
    assert frame.boxes_to_input(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize(
    ("frame", "size", "wanted"),
    [
        (Frame(1024, 1024), 256, (256, 256)),
        (Frame(512, 1024), 256, (128, 256)),
        (Frame(333, 500), 256, (171, 256)),  # 682 / 4 = 170.5
        (Frame(333, 500), 64, (43, 64)),
        (Frame(1, 3000), 64, (1, 64)),
        (Frame(30, 64, 64), 16, (8, 16)),
    ],
)
def test_valid_part_covers_the_unpadded_part(
    frame: Frame, size: int, wanted: tuple[int, int]
) -> None:
    assert frame.valid_part(size) == wanted


@pytest.mark.parametrize("bad", [(0, 5, 64), (5, -1, 64), (5, 5, 0), (5.0, 5, 64), (True, 5, 64)])
def test_frame_refuses_sizes_that_are_none(bad: tuple) -> None:
    with pytest.raises(FrameError, match="whole number from 1 up"):
        Frame(*bad)


def test_frame_is_a_value() -> None:
    assert Frame(np.int64(3), 4) == Frame(3, 4, 1024)
    assert hash(Frame(3, 4)) == hash(Frame(3, 4))


def test_bad_shapes_are_named() -> None:
    frame = Frame(4, 5, 8)
    with pytest.raises(FrameError, match=r"\(row, col\); got shape \(3,\)"):
        frame.to_input([1, 2, 3])
    with pytest.raises(FrameError, match=r"\(N, 4\)"):
        frame.boxes_to_input([1, 2, 3, 4])
    with pytest.raises(FrameError, match=r"\(x, y\)"):
        frame.to_image(3.0)
    with pytest.raises(FrameError, match="at least 1"):
        frame.valid_part(0)
    with pytest.raises(FrameError, match="uint8"):
        resize_plane(np.zeros((4, 5, 3)), frame)  # type: ignore[arg-type]
    with pytest.raises(FrameError, match=r"\(4, 5, 3\)"):
        resize_plane(np.zeros((5, 4, 3), np.uint8), frame)
