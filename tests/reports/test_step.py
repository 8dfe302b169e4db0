"""The trainer in the report: its step beside other programs', operators and tensors of its profile."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.evidence import load_evidence
from reports.pages.formats import seconds
from tests.reports.markdown import cells
from tests.reports.page import text_of
from tests.support.records import quantile, step_record, write, write_all


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the Markdown of made-up records of all kinds."""
    folder = tmp_path_factory.mktemp("report")
    assert main([str(write_all(folder / "machine")), "--out", str(folder)]) == 0
    return text_of(folder)


def test_the_training_step_is_what_the_samples_say(text: str) -> None:
    section = text.split("\n## The training step\n")[1].split("\n## ")[0]
    content = step_record()
    assert "On cpu, 2 threads; torch 2.13.0." in section
    assert section.count("1,882,752 parameters, 8 x 256 ids per step, fp32, loss 9.0109.") == 2
    for place, run in enumerate(content["models"]):
        rows = cells(text, "The training step", place)
        ours = run["sides"][0]["samples"]
        for side in run["sides"]:
            middle = statistics.median(side["samples"])
            gain = middle / statistics.median(ours)
            low = quantile(side["samples"], 0.25) / quantile(ours, 0.75)
            high = quantile(side["samples"], 0.75) / quantile(ours, 0.25)
            others = ["-", "-"] if side["name"] == "ours" else [f"{gain:.2f}x", f"{low:.2f}x .. {high:.2f}x"]
            bar = {None: ["-", "-"], 1.0: [">= 1x", "reached"], 1.2: [">= 1.2x", "short of the bar"]}[side["bar"]]
            assert rows[side["name"]] == [seconds(middle), f"{2048 / middle:,.0f}", *others, *bar]
    rows = cells(text, "The training step", 2)
    for row in content["operations"]:
        times = [row["samples"]["reference"], row["samples"]["fused"]]
        middles = [statistics.median(values) for values in times]
        low, high = (quantile(times[0], a) / quantile(times[1], b) for a, b in ((0.25, 0.75), (0.75, 0.25)))
        gain = [f"{middles[0] / middles[1]:.2f}x", f"{low:.2f}x .. {high:.2f}x"]
        assert rows[f"`{row['name']}`"] == [*map(seconds, middles), *gain]


def test_a_record_without_operations_says_so(tmp_path: Path) -> None:
    record = write_all(tmp_path / "m")
    write(tmp_path / "m" / "step" / "0002_x_20260102_000000.json", {**step_record(), "operations": []})
    assert main([str(record), "--out", str(tmp_path)]) == 0
    assert "Missing: the record has none; run it with --ops." in text_of(tmp_path)


def test_operators_and_tensors_of_a_step_are_told(text: str) -> None:
    assert "gpt2-step/fused on stories-100KB, 4 calls of 4 steps:" in text
    assert "| `aten::o0` | 3 s | 38 % | 6 s | 1,000 | 7 MB |" in text
    assert "| `aten::o1` | 1 s | 12 % | 2 s | 2,000 | -7 MB |" in text
    memory = text.split("## Memory")[1]
    assert "| gpt2-step/fused | 16 x 128 | parameters | 3.6 MB | 4 MB | 1.111 |" in memory
    assert "| gpt2-step/fused | 16 x 128 | activations | 45 MB | 50 MB | 1.111 |" in memory


def test_a_trainer_that_changed_makes_its_records_stale(tmp_path: Path) -> None:
    record = write_all(tmp_path / "m")
    assert load_evidence(record).stale() == {}
    write(tmp_path / "m" / "step" / "0002_x_20260102_000000.json", {**step_record(), "code": {"lm.models": "0" * 64}})
    assert load_evidence(record).stale() == {"step": ["lm.models"]}
