"""The code that the report shows is the code of the sources."""

from __future__ import annotations

from dataclasses import replace

import pytest

from impls import registry
from impls.registry import STAGES, implementations
from reports.listings import LONGEST, excerpts
from tests.support import ROOT


@pytest.mark.parametrize("stage", STAGES)
def test_every_implementation_has_an_excerpt_of_its_source(stage: str) -> None:
    found = excerpts(stage)
    assert list(found) == [row.name for row in implementations(stage)]
    for row in implementations(stage):
        code = found[row.name]
        source = (ROOT / code.path).read_text()
        assert code.path == f"{(row.kernel or row.target).split(':')[0].replace('.', '/')}.py"
        lines = code.text.splitlines()
        assert 0 < len(lines) <= LONGEST
        assert not code.left_out or len(lines) == LONGEST
        if code.language == "diff":
            # What was added is in this source; what was taken away is not asked for here.
            lines = [line[1:] for line in lines if line[0] in "+ "]
        assert all(line in source for line in lines)


def test_a_step_that_changes_little_is_shown_as_its_change() -> None:
    kinds = {f"{stage}/{name}": code.language for stage in STAGES for name, code in excerpts(stage).items()}
    assert {kinds[f"{stage}/{implementations(stage)[0].name}"] for stage in STAGES} == {"python"}
    assert kinds["count/finditer"] == kinds["train/weighted"] == "diff"
    assert {kinds[f"{stage}/jit"] for stage in STAGES} == {"python"}
    change = excerpts("train")["weighted"].text.splitlines()
    assert any(line.startswith("+") and "weight" in line for line in change)
    assert any(line.startswith("-") for line in change)


def test_what_is_no_function_is_shown_as_its_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = replace(implementations("count")[0], name="odd", target="impls.count.findall:Pretokens")
    monkeypatch.setattr(registry, "_ROWS", (odd,))
    (code,) = excerpts("count").values()
    assert code.text.startswith((ROOT / code.path).read_text().splitlines()[0])


def test_a_kernel_is_found_by_the_function_that_makes_it() -> None:
    assert excerpts("count")["jit"].text.startswith("def counting(pattern: str)")
    assert excerpts("train")["jit"].text.startswith("def run_merges(")
