"""Tests of options made of the fields of settings."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields

import pytest

from napari_samara.cli.options import add_settings, settings_from
from napari_samara.errors import SettingsError
from napari_samara.settings import PredictSettings, SegmentSettings, Settings, setting


@dataclass(frozen=True)
class Example(Settings):
    """One field of every type that has an option."""

    share: float = setting(0.5, title="Share", help="50% or so.", minimum=0, maximum=1)
    count: int = setting(3, title="Count", help="How many.")
    how: str = setting("a", title="How", help="Which way.", choices=["a", "b"])
    on: bool = setting(True, title="On", help="Whether.")


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_settings(parser, Example)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Example()),
        (["--share", "1", "--count", "7", "--how", "b", "--no-on"], Example(1.0, 7, "b", False)),
        (["--on"], Example()),
    ],
)
def test_options_and_back(arguments: list[str], expected: Example) -> None:
    assert settings_from(parsed(*arguments), Example) == expected


def test_ranges_are_those_of_the_settings() -> None:
    with pytest.raises(SettingsError, match="at most 1"):
        settings_from(parsed("--share", "2"), Example)


@pytest.mark.parametrize("kind", [SegmentSettings, PredictSettings, Example])
def test_every_field_has_an_option_with_help(kind: type[Settings]) -> None:
    parser = argparse.ArgumentParser()
    add_settings(parser, kind)
    text = " ".join(parser.format_help().split())
    for item in fields(kind):
        assert f"--{item.name.replace('_', '-')}" in text
        assert item.metadata["help"] in text
