from __future__ import annotations

import pytest

from napari_samara.checkpoints.transfer import Reporter, Source, note_path
from napari_samara.errors import CancelledError


@pytest.mark.parametrize(
    ("known", "expected"),
    [({}, "no digest"), ({"sha256": "ab"}, "sha256 ab"), ({"md5": "cd"}, "md5 cd")],
)
def test_by_hand_says_where_from_where_to_and_what_to_expect(tmp_path, known, expected):
    text = Source("https://example.org/x", "w.pth", **known).by_hand(tmp_path)
    assert "https://example.org/x" in text
    assert str(tmp_path / "w.pth") in text
    assert expected in text


def test_reporter_tells_and_stops():
    told = []
    Reporter().tell(1, 2)
    Reporter(lambda *a: told.append(a), lambda: False).tell(1, 2)
    assert told == [(1, 2)]
    with pytest.raises(CancelledError):
        Reporter(None, lambda: True).tell(1, 2)


def test_the_note_lies_beside_the_part(tmp_path):
    assert note_path(tmp_path / "w.pth.part") == tmp_path / "w.pth.part.json"
