"""The scripts in ``benchmarks/`` find what they import, as those that nobody has run for long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))

IMPORT = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


@pytest.mark.gui  # some import Qt
def test_every_benchmark_can_be_imported() -> None:
    assert len(SCRIPTS) > 15
    command = [sys.executable, "-c", IMPORT, str(FOLDER), *SCRIPTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
