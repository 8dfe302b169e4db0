"""The example of README.md runs as it stands, and its ids are the ones that it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import ROOT


def test_the_example_gives_the_ids_that_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example.count("assert ") >= 4
    exec(compile(example, "README.md", "exec"), {})
    assert {path.name for path in tmp_path.iterdir()} == {"corpus.txt", "my-tokenizer", "corpus.bin"}
