"""The list of doubts begins where a correction would help most."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.volume_quality import flags_of, shares_behind
from napari_samara.engine.volume_slices import GIVEN, PROPAGATED, SliceMask


@pytest.mark.parametrize(
    ("sizes", "given", "expected"),
    [
        ({}, [], {}),
        ({3: 5}, [3], {}),
        ({3: 5, 4: 5}, [], {3: 1.0, 4: 1.0}),
        ({2: 10, 3: 10, 4: 10, 5: 10}, [3], {2: 0.25, 4: 0.5, 5: 0.25}),
        ({0: 10, 7: 10, 9: 20}, [0], {7: 0.75, 9: 0.5}),  # what is missing counts nothing
        ({0: 1, 1: 2, 2: 3, 3: 3, 4: 1}, [0, 4], {1: 0.5, 2: 0.3, 3: 0.3}),
        ({5: 1, 4: 3}, [4, 5], {}),
        ({0: 0, 1: 0}, [0], {1: 0.0}),
    ],
)
def test_what_hangs_on_a_slice(
    sizes: dict[int, int], given: list[int], expected: dict[int, float]
) -> None:
    assert shares_behind(sizes, given) == pytest.approx(expected)


def test_an_early_doubt_comes_before_a_greater_one_at_the_end() -> None:
    data = np.ones((4, 5), np.bool_)
    doubts = {3: 0.2, 4: 0.0, 5: 0.0, 6: 0.5}
    masks = {2: SliceMask.of(data, origin=GIVEN)}
    for index, doubt in doubts.items():
        masks[index] = SliceMask(
            (0, 0, 4, 5), data, (4, 5), origin=PROPAGATED, doubt=doubt, reason=f"at {index}"
        )
    flags = flags_of({7: masks})
    assert [(flag.index, flag.doubt) for flag in flags] == [(3, 0.2), (6, 0.5), (4, 0), (5, 0)]
    assert [(flag.index, flag.at_stake) for flag in flags] == [
        (3, pytest.approx(0.2 * 0.8)),
        (6, pytest.approx(0.5 * 0.2)),
        (4, 0),
        (5, 0),
    ]
    assert flags[0].reason == "at 3"
    assert {flag.object_id for flag in flags} == {7}
