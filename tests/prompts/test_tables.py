"""Tests of tables of points, boxes and napari shapes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.errors import FileFormatError
from napari_samara.prompts import Box, Point, Polygon, PromptSet, Scribble, box, point, scribble
from napari_samara.prompts.tables import table_prompts

RECTANGLE = [(10, 20), (10, 40), (30, 40), (30, 20)]


def _shapes(*shapes: tuple[str, list], **more: list) -> dict[str, list]:
    """Columns as napari saves a shapes layer: everything a number but the type."""
    rows = [
        (index, kind, place, *corner)
        for index, (kind, corners) in enumerate(shapes)
        for place, corner in enumerate(corners)
    ]
    ndim = len(rows[0]) - 3
    names = ["index", "shape-type", "vertex-index", *(f"axis-{axis}" for axis in range(ndim))]
    return {name: [row[i] for row in rows] for i, name in enumerate(names)} | more


def _only(columns: dict[str, list]) -> object:
    (prompt,) = table_prompts(columns)
    return prompt


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ({"axis-0": [1], "axis-1": [2]}, point(1, 2)),
        ({"axis-0": ["4"], "axis-1": ["1.5"], "axis-2": ["2"]}, point(4, 1.5, 2)),
        ({"row": [1], "col": [2]}, point(1, 2)),
        ({"z": [4], "row": [1], "col": [2]}, point(4, 1, 2)),
        ({"x": [2], "y": [1]}, point(1, 2)),
        ({"x": [2], "y": [1], "z": [4]}, point(4, 1, 2)),
        ({"row0": [1], "col0": [2], "row1": [3], "col1": [4]}, box(1, 2, 3, 4)),
        ({"axis-0": np.array([1.0]), "axis-1": np.array([2.0]), "area": [9]}, point(1, 2)),
    ],
)
def test_one_row_is_one_object(columns: dict, wanted: object) -> None:
    assert table_prompts(columns) == PromptSet([wanted])  # type: ignore[list-item]


def test_object_and_positive_columns() -> None:
    found = table_prompts(
        {
            "axis-0": [1, 2, 3, 4],
            "axis-1": [1, 2, 3, 4],
            "object": ["7", "2.0", 7, 2],
            "positive": ["TRUE", "no", 0, ""],
        }
    )
    assert found.objects == {
        7: (point(1, 1), point(3, 3, positive=False)),
        2: (point(2, 2, positive=False), point(4, 4)),
    }


@pytest.mark.parametrize("cell", ["true", " Yes", "1", "+", True, np.True_, 1.0, np.nan, None, ""])
def test_positive_cells(cell: object) -> None:
    assert _only({"axis-0": [1], "axis-1": [1], "positive": [cell]}) == point(1, 1)


@pytest.mark.parametrize("cell", ["false", "No", "0", "-", False, np.False_, 0.0, -1])
def test_negative_cells(cell: object) -> None:
    found = _only({"axis-0": [1], "axis-1": [1], "positive": [cell]})
    assert found == point(1, 1, positive=False)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"positive": ["maybe"]}, "row 1, column positive: 'maybe'"),
        ({"object": [0]}, "row 1, column object: 0 is no id"),
        ({"object": ["a"]}, "column object: 'a' is no number"),
        ({"object": [1.5]}, "1.5 is no id"),
    ],
)
def test_bad_cells_are_named(more: dict, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        table_prompts({"axis-0": [1], "axis-1": [1], **more})


def test_an_empty_table_has_no_prompts() -> None:
    assert len(table_prompts({"index": [], "axis-0": [], "axis-1": []})) == 0


@pytest.mark.parametrize("columns", [{}, {"axis-0": [1]}, {"axis-1": [1], "axis-2": [1]}])
def test_missing_columns(columns: dict) -> None:
    with pytest.raises(FileFormatError, match="needs the columns axis-0, axis-1"):
        table_prompts(columns)


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("flip", [1, -1])
def test_an_upright_rectangle_is_a_box_from_any_corner(turn: int, flip: int) -> None:
    corners = (RECTANGLE[turn:] + RECTANGLE[:turn])[::flip]
    assert _only(_shapes(("rectangle", corners))) == box(10, 20, 30, 40)


def test_a_rectangle_of_two_corners_is_a_box() -> None:
    assert _only(_shapes(("rectangle", [(30, 20), (10, 40)]))) == box(10, 20, 30, 40)


def test_a_turned_or_negative_rectangle_is_a_polygon() -> None:
    turned = _only(_shapes(("rectangle", [(0, 10), (10, 20), (20, 10), (10, 0)])))
    assert isinstance(turned, Polygon)
    negative = _only(_shapes(("rectangle", RECTANGLE), positive=[False] * 4))
    assert isinstance(negative, Polygon)
    assert not negative.positive


def test_an_ellipse_fills_its_rectangle() -> None:
    found = _only(_shapes(("ellipse", RECTANGLE)))
    assert isinstance(found, Polygon)
    vertices = np.array(found.vertices)
    np.testing.assert_allclose(vertices.min(axis=0), (10, 20), atol=1e-9)
    np.testing.assert_allclose(vertices.max(axis=0), (30, 40), atol=1e-9)
    np.testing.assert_allclose(np.hypot(*(vertices - (20, 30)).T), 10, atol=1e-9)


@pytest.mark.parametrize(("kind", "wanted"), [("path", Scribble), ("line", Scribble)])
def test_lines_are_scribbles(kind: str, wanted: type) -> None:
    found = _only(_shapes((kind, RECTANGLE[:2])))
    assert type(found) is wanted
    assert found == scribble(RECTANGLE[:2])


def test_vertices_are_put_in_order() -> None:
    columns = _shapes(("path", [(1, 1), (2, 9), (3, 1)]))
    columns = {name: [cells[2], cells[0], cells[1]] for name, cells in columns.items()}
    assert _only(columns) == scribble([(1, 1), (2, 9), (3, 1)])


def test_shapes_are_objects_of_their_own_or_share_one() -> None:
    shapes = (("rectangle", RECTANGLE), ("path", RECTANGLE[:2]))
    assert list(table_prompts(_shapes(*shapes)).objects) == [1, 2]
    together = table_prompts(_shapes(*shapes, object=[4] * 6))
    assert [prompt.kind for prompt in together.objects[4]] == ["box", "scribble"]


@pytest.mark.parametrize(
    ("axis", "wanted"),
    [
        (0, box(10, 20, 30, 40, axis=0, index=5)),
        (1, box(10, 20, 30, 40, axis=1, index=5)),
        (2, box(10, 20, 30, 40, axis=2, index=5)),
    ],
)
def test_shapes_in_a_volume_lie_in_their_plane(axis: int, wanted: Box) -> None:
    corners = [(*corner[:axis], 4.6, *corner[axis:]) for corner in RECTANGLE]
    assert _only(_shapes(("rectangle", corners))) == wanted


def test_a_flat_line_in_a_volume_takes_the_first_axis() -> None:
    found = _only(_shapes(("line", [(4, 7, 1), (4, 7, 9)])))
    assert found == scribble([(7, 1), (7, 9)], axis=0, index=4)


def test_points_of_any_number_of_axes() -> None:
    found = _only({f"axis-{axis}": [axis] for axis in range(5)})
    assert isinstance(found, Point)
    assert found.fixed == {0: 0, 1: 1, 2: 2}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (_shapes(("star", RECTANGLE)), "shape 0: shape type 'star'"),
        (_shapes(("rectangle", RECTANGLE[:3])), "a rectangle has 4 corners, got 3"),
        (_shapes(("polygon", RECTANGLE[:2])), "shape 0: .* 3 .*pairs"),
        (_shapes(("rectangle", [(1, 1), (1, 5), (1, 5), (1, 1)])), "no height or no width"),
        (
            _shapes(("path", [(0, 1, 1), (5, 6, 6), (9, 9, 9)])),
            "shape 0: it spans several slices",
        ),
        (
            _shapes(("path", RECTANGLE), ("line", [(0, "b"), (1, 2)])),
            "row 5, column axis-1: 'b' is no number",
        ),
    ],
)
def test_bad_shapes_are_named(columns: dict, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        table_prompts(columns)


@pytest.mark.parametrize("name", ["index", "vertex-index", "axis-0", "axis-1"])
def test_missing_columns_of_shapes(name: str) -> None:
    columns = _shapes(("path", RECTANGLE))
    del columns[name]
    with pytest.raises(FileFormatError, match=f"lacks the columns {name}"):
        table_prompts(columns)
