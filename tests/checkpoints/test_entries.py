"""The rows of the catalog are well formed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from napari_samara.checkpoints.entries import ENTRIES

DOWNLOADED = [e for e in ENTRIES if e.sources]


def test_names_are_unique_and_the_shipped_one_is_first():
    names = [e.name for e in ENTRIES]
    assert len(set(names)) == len(names)
    assert ENTRIES[0].name == "samara-tiny"
    assert not ENTRIES[0].sources
    assert {"sam-vit-b", "sam-vit-l", "sam-vit-h", "mobile-sam", "medsam", "lite-medsam"} <= set(
        names
    )
    assert {"slimsam-50", "slimsam-77", "micro-sam-vit-b-lm", "micro-sam-vit-b-em-organelles"} <= {
        *names
    }


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_fields(entry):
    assert re.fullmatch(r"[a-z0-9-]+", entry.name)
    assert entry.family in {"vit_b", "vit_l", "vit_h", "vit", "tiny_vit", "samara"}
    assert entry.size_mb > 0
    assert entry.licence in {"Apache-2.0", "BSD-3-Clause", "CC-BY-4.0"}
    assert len(entry.description) < 100


@pytest.mark.parametrize("entry", DOWNLOADED, ids=lambda e: e.name)
def test_sources(entry):
    assert len({s.filename for s in entry.sources}) == len(entry.sources)
    for source in entry.sources:
        assert urlsplit(source.url).scheme == "https"
        assert re.fullmatch(r"[\w.-]+\.(pth|pt|safetensors)", source.filename)
        assert re.fullmatch(r"[0-9a-f]{64}", source.sha256 or "0" * 64)
        assert re.fullmatch(r"[0-9a-f]{32}", source.md5 or "0" * 32)
        if source.size is not None:
            assert abs(source.size / 1e6 - entry.size_mb) < 1
