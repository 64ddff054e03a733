"""A process that is killed in the middle of accepting loses nothing that it had accepted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.conftest import REPOSITORY


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
def test_killed_while_accepting() -> None:
    script = REPOSITORY / "benchmarks" / "kill_accept.py"
    ran = subprocess.run(
        [sys.executable, str(script), "--kills", "8", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    report = json.loads(ran.stdout)
    assert report["wrong"] == []
    assert report["accepted"] >= 8
    assert report["untold"] <= 8
    assert ran.returncode == 0
