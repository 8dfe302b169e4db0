"""Every implementation has its words, in one place; a missing text is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from impls import registry
from impls.registry import STAGES, implementations
from reports.__main__ import main
from reports.ideas import FILE, gaps, ideas
from tests.reports.page import text_of
from tests.support.records import write_all


def test_every_implementation_has_its_words() -> None:
    assert gaps() == []


def test_words_do_not_repeat_the_idea_of_the_registry() -> None:
    rows = {f"{row.stage}/{row.name}": row for stage in STAGES for row in implementations(stage)}
    for name, words in ideas().items():
        assert name not in rows or rows[name].idea.lower() not in f"{words.removes} {words.bound}".lower()


def test_a_new_implementation_is_reported_and_its_missing_words_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = replace(implementations("encode")[-1], name="made_up", idea="keeps what was used last")
    monkeypatch.setattr(registry, "_ROWS", (*registry._ROWS, new))
    assert gaps() == ["encode/made_up has no text in reports/ideas.toml"]
    assert main([str(write_all(tmp_path / "m")), "--out", str(tmp_path)]) == 0
    assert "`made_up`: keeps what was used last. Evidence: " in text_of(tmp_path)


def test_words_about_no_implementation_are_named(tmp_path: Path) -> None:
    path = tmp_path / "ideas.toml"
    path.write_text(FILE.read_text() + '\n[encode.old]\nremoves = "It removes nothing."\nbound = "age"\n')
    assert gaps(path) == ["encode/old in reports/ideas.toml is not in impls/registry.py"]
