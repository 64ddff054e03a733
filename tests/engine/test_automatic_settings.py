"""Tests of the settings and presets of automatic masks."""

from __future__ import annotations

import pytest

from napari_samara.engine.automatic_settings import PRESETS, AutomaticSettings
from napari_samara.errors import SettingsError


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_settings(name):
    settings = AutomaticSettings.preset(name)
    assert settings.to_dict() == {**AutomaticSettings().to_dict(), **PRESETS[name]}
    assert AutomaticSettings.preset(name, chunk=3).chunk == 3


def test_the_first_preset_is_the_default():
    assert AutomaticSettings.preset("cells") == AutomaticSettings()


def test_unknown_names_are_told():
    with pytest.raises(SettingsError, match=r"one of cells, everything.*'nuclei'"):
        AutomaticSettings.preset("nuclei")
    with pytest.raises(SettingsError, match="no setting points"):
        AutomaticSettings.preset("cells", points=3)


def test_which_changes_need_decoding():
    settings = AutomaticSettings()
    assert not settings.needs_decoding(AutomaticSettings(score=0.9, overlap="larger"))
    assert settings.needs_decoding(AutomaticSettings(score=0.9, points_per_side=3))
    assert set(AutomaticSettings.AFTERWARDS) <= set(settings.to_dict())
