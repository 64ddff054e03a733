"""The examples in README and documentation are what the program reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from napari_samara.prompts import read_prompts

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROMPT_FILES = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    )
]
PYTHON_BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    )
]


@pytest.mark.parametrize("text", PROMPT_FILES)
def test_prompt_files_are_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "prompts.json"
    path.write_text(text, encoding="utf-8")
    assert len(read_prompts(path).objects) == 2


@pytest.mark.parametrize("text", PYTHON_BLOCKS)
def test_imports_of_python_examples_resolve(text: str) -> None:
    lines = re.findall(r"^(?:from|import) .*$", text, re.MULTILINE)
    namespace: dict[str, object] = {}
    exec("\n".join(lines), namespace)
    assert len(namespace) > len(lines)
