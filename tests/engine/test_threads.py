"""Tests of the number of threads of torch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import torch

from napari_samara.engine.threads import leaving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _four_of_eight(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("cores", "threads"), [(0, 4), (1, 4), (5, 3), (7, 1), (20, 1)])
def test_cores_are_left_for_a_while(cores: int, threads: int) -> None:
    with leaving(cores):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 4


def test_an_error_gives_them_back() -> None:
    with pytest.raises(ValueError, match="no"), leaving(7):
        raise ValueError("no")
    assert torch.get_num_threads() == 4
