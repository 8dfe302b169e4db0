"""A report says what the record of a run says."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from bench.record import REFERENCE, RecordError
from impls.registry import implementations
from reports.__main__ import main as build_report
from reports.records import ladders, load_record
from tests.bench.conftest import Run
from tests.support import ROOT


@pytest.mark.slow
def test_the_report_says_which_implementation_is_wrong(run: Run, tmp_path: Path) -> None:
    (error,) = json.loads(run[1].read_text())["errors"]
    assert (error["stage"], error["impl"]) == ("train", "weighted")
    assert build_report([str(run[1]), "--out", str(tmp_path)]) == 0
    text = (tmp_path / "report.md").read_text()
    assert (
        f"- train/weighted on {error['workload']}: error, no time: train-weighted-{error['workload']}: output" in text
    )
    assert "| weighted |" not in text


SLOWED_COUNTER = """
import time

import impls.count.finditer as finditer

fast = finditer.count

def count(*inputs, **options):
    time.sleep(0.2)
    return fast(*inputs, **options)

finditer.count = count
"""


@pytest.mark.slow
def test_a_slowed_implementation_is_found_by_the_comparison(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "slowed_counter.py").write_text(SLOWED_COUNTER)
    corpus = run[1].parent.parent.parent / "small.txt"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "-q", "-k", "count", "-p", "slowed_counter",
         "--benchmark-autosave", "--corpus", f"file:{corpus}", f"--benchmark-storage=file://{tmp_path}"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (after,) = tmp_path.rglob("*.json")
    # A hundred times as slow: whatever the machine does meanwhile, the verdict is the same.
    words = ["compare", str(after), "--against", str(run[1]), "--fail-above", "300"]
    assert build_report(words) == 0, "unchanged code fails no comparison"
    out = capsys.readouterr().out
    assert f"{len(implementations('count'))} implementations of unchanged code" in out
    content = json.loads(after.read_text())
    for case in content["benchmarks"]:
        if case["extra_info"]["impl"] == "finditer":
            case["extra_info"]["code_sha256"] = "0" * 64
    after.write_text(json.dumps(content))
    assert build_report(words) == 1
    assert "count/finditer on small-" in capsys.readouterr().err


@pytest.mark.slow
def test_every_figure_of_the_ladder_comes_from_the_record(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = load_record(run[1])
    samples = {
        (case["extra_info"]["stage"], case["extra_info"]["impl"]): case["stats"]["data"]
        for case in json.loads(run[1].read_text())["benchmarks"]
    }
    for stage, _, rows in ladders(record):
        base = statistics.median(samples[stage, rows.iloc[0]["impl"]])
        for row in rows.to_dict("records"):
            median = statistics.median(samples[stage, row["impl"]])
            assert row["median"] == pytest.approx(median)
            assert row["speedup"] == pytest.approx(base / median)
            assert row["mb_per_s"] == pytest.approx(row["bytes"] / median / 1e6)
    assert build_report([str(run[1]), "--out", str(tmp_path)]) == 0
    assert "speed-up over naive" in capsys.readouterr().out
    page, markdown = (tmp_path / "index.html").read_text(), (tmp_path / "report.md").read_text()
    without_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"src=|url\(|https?://|<script", without_scripts)
    for text in (page, markdown):
        assert "nox -s bench" in text
        assert f"small-{record.cases['bytes'].iloc[0]}" in text
        assert record.cases["corpus_sha256"].iloc[0][:16] in text
    first = page, markdown
    build_report([str(run[1]), "--out", str(tmp_path)])
    assert ((tmp_path / "index.html").read_text(), (tmp_path / "report.md").read_text()) == first


def test_records_that_cannot_be_read_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "0001_broken.json"
    for content in ("{", "{}", '{"benchmarks": []}', "[]"):
        broken.write_text(content)
        with pytest.raises(RecordError, match="0001_broken"):
            load_record(broken)
        assert build_report([str(broken), "--out", str(tmp_path)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    assert build_report([str(tmp_path / "missing.json")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_the_readme_quotes_a_record(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme[readme.index("## What it finds") : readme.index("## Use it")]
    record = re.search(r"Figures of (\S+\.json)", section)
    assert record
    (path,) = REFERENCE.rglob(record[1])
    assert build_report([str(path), "--out", str(tmp_path)]) == 0
    quoted = [line for line in section.splitlines() if line.startswith(("|", "- "))]
    assert len(quoted) > 10
    lines = (tmp_path / "report.md").read_text().splitlines()
    # The report has counts in further columns; the README ends before them.
    assert [quote for quote in quoted if not any(line.startswith(quote) for line in lines)] == []
