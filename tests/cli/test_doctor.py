"""Tests of `napari-samara doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_samara.cli import checks
from napari_samara.cli.checks import Check

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ran

GOOD = [Check("torch", "2.9", True), Check("napari", "not installed", None, "install it")]
BAD = [*GOOD, Check("self-test", "it fell over", False)]


@pytest.mark.parametrize(("found", "status"), [(GOOD, 0), (BAD, 1)])
def test_status_and_report(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, found: list[Check], status: int
) -> None:
    monkeypatch.setattr(checks, "all_checks", lambda *_: found)
    ran = run("doctor")
    assert ran.status == status
    assert ran.out.splitlines()[0].split() == ["ok", "torch", "2.9"]
    assert "-> install it" in ran.out
    assert ("FAIL self-test" in ran.out) is bool(status)
    ran = run("doctor", "--json")
    assert ran.status == status
    assert ran.report["ok"] is not bool(status)
    assert ran.report["checks"][1]["fix"] == "install it"


def test_options_reach_the_checks(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(checks, "all_checks", lambda *given: seen.append(given) or GOOD)
    run("doctor", "--checkpoint", "medsam", "--device", "cpu", "--precision", "bf16")
    assert seen == [("medsam", "cpu", "bf16")]
