"""Tests of the settings machinery and of the settings of prediction."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from napari_samara.errors import SettingsError
from napari_samara.settings import PredictSettings, SegmentSettings, Settings, setting, validate


@dataclass(frozen=True)
class Example(Settings):
    """One field of every type."""

    ratio: float = setting(0.5, title="Ratio", help="A share.", minimum=0, maximum=1)
    count: int = setting(3, title="Count", minimum=1)
    name: str = setting("a", title="Name", choices=["a", "b"])
    on: bool = setting(True, title="On")
    spacing: tuple[float, ...] | None = setting(None, title="Spacing (um)")
    most: int | None = setting(None, title="Most", minimum=0)


@pytest.mark.parametrize("value", [Example(), PredictSettings(), SegmentSettings(overlap="last")])
def test_round_trip_through_json(value: Settings) -> None:
    assert type(value).from_dict(json.loads(json.dumps(value.to_dict()))) == value


def test_lists_and_whole_numbers_are_converted() -> None:
    value = Example.from_dict({"ratio": 1, "spacing": [1.0, 2.0], "most": 4})
    assert value == Example(ratio=1.0, spacing=(1.0, 2.0), most=4)
    assert type(value.ratio) is float
    hash(value)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"ratio": 1.5}, r"Example.ratio must be at most 1, got 1.5"),
        ({"ratio": -0.1}, "at least 0"),
        ({"ratio": float("nan")}, "at least 0"),
        ({"ratio": "0.5"}, "must be float, got '0.5'"),
        ({"ratio": True}, "must be float, got True"),
        ({"ratio": None}, "must be float, got None"),
        ({"count": 0}, "at least 1"),
        ({"count": 2.0}, "must be int"),
        ({"count": False}, "must be int"),
        ({"name": "c"}, "one of a, b, got 'c'"),
        ({"on": 1}, "must be bool"),
        ({"on": "no"}, "must be bool"),
        ({"spacing": 3.0}, "must be NoneType or tuple"),
        ({"most": -1}, "at least 0"),
        ({"colour": 1}, "no setting colour; it has count, most, name"),
    ],
)
def test_what_is_not_allowed_is_named(bad: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Example.from_dict(bad)


def test_replace_checks_again() -> None:
    assert replace(PredictSettings(), chunk=8).chunk == 8
    with pytest.raises(SettingsError, match="chunk"):
        replace(PredictSettings(), chunk=0)


@pytest.mark.parametrize("kind", [PredictSettings, SegmentSettings])
def test_every_setting_can_be_shown_in_a_form(kind: type[Settings]) -> None:
    for item in fields(kind):
        assert item.metadata["title"]
        assert item.metadata["help"]
        assert set(item.metadata) == {"title", "help", "minimum", "maximum", "choices"}


def test_validate_works_on_any_dataclass() -> None:
    @dataclass
    class Loose:
        size: int = setting(1, title="Size", maximum=4)

    value = Loose(9)
    with pytest.raises(SettingsError, match="at most 4"):
        validate(value)


def test_defaults() -> None:
    assert PredictSettings().to_dict() == {
        "mask_threshold": 0.0,
        "fill_holes": False,
        "keep_largest": False,
        "chunk": 64,
    }
    assert SegmentSettings().contrast == "auto"
    assert SegmentSettings().multimask == "auto"


def test_numpy_numbers_are_taken_as_plain_ones() -> None:
    value = PredictSettings(chunk=np.int64(8), mask_threshold=np.float32(0.5), fill_holes=np.True_)
    assert json.loads(json.dumps(value.to_dict()))["chunk"] == 8
    assert value == PredictSettings(chunk=8, mask_threshold=0.5, fill_holes=True)
