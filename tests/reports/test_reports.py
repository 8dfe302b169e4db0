"""The report of made-up records of all kinds: single cells are computed again from the samples."""

from __future__ import annotations

import re
import statistics
from typing import Any

import numpy as np
import pytest

from impls.registry import STAGES, implementations
from reports.__main__ import main
from reports.pages.formats import percent, ratio, seconds, size
from reports.sections import CHAPTERS
from tests.reports.markdown import cells
from tests.reports.page import as_markdown
from tests.support.records import SIZES, quantile, studies, write_all


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the HTML of made-up records of all kinds, and the same without markup."""
    folder = tmp_path_factory.mktemp("report")
    record = write_all(folder / "machine")
    assert main([str(record), "--out", str(folder / "out")]) == 0
    page = (folder / "out" / "index.html").read_text()
    return page, as_markdown(page)


def medians(study: str) -> dict[tuple[str, Any], float]:
    return {
        (p["series"], p["x"]): statistics.median(p["samples"]) for p in studies()[study]["points"] if p["samples"]
    }


def test_no_section_is_missing(report: tuple[str, str]) -> None:
    assert "Missing" not in report[1]
    titles = re.findall("^## (.*)$", report[1], re.MULTILINE)
    assert titles[0] == "Summary"
    assert len(titles) == len(set(titles)) > len(CHAPTERS)


def test_growth_is_what_the_samples_say(report: tuple[str, str]) -> None:
    measured, fits = medians("size"), cells(report[1], "Growth with the corpus")
    table = cells(report[1], "Growth with the corpus", 1)
    for stage in STAGES:
        for row in implementations(stage):
            name = f"{stage}/{row.name}"
            assert [cell.split(" ±")[0] for cell in table[name]] == [seconds(measured[name, n]) for n in SIZES]
            largest = SIZES[1:]  # Within a factor of 100 of the largest.
            slope = np.polyfit(np.log(largest), np.log([measured[name, n] for n in largest]), 1)[0]
            assert fits[name][0].startswith(f"{slope:.2f} (")
            assert fits[name][1] == "3"


def test_spread_is_half_the_distance_of_the_quartiles(report: tuple[str, str]) -> None:
    (point,) = (p for p in studies()["calls"]["points"] if (p["series"], p["x"]) == ("encode/jit", 10))
    half = (quantile(point["samples"], 0.75) - quantile(point["samples"], 0.25)) / 2
    assert cells(report[1], "Small calls")["encode/jit"][0].endswith(
        f"±{percent(half / statistics.median(point['samples']))}"
    )


def test_what_repetition_and_workers_bring(report: tuple[str, str]) -> None:
    measured = medians("duplication")
    for copies in (1, 4):
        gain = measured["train/naive", copies] / measured["train/weighted", copies]
        assert cells(report[1], "What repetition brings")[str(copies)][1] == ratio(gain)
    measured = medians("workers")
    gain = measured["count/jit", 1] / measured["count/jit", 2]
    text = report[1].split("## What workers bring")[1]
    assert f"| {gain:.2f}x | {percent(gain / 2)} |" in text


def test_shares_of_stages_add_up(report: tuple[str, str]) -> None:
    measured = medians("stages")
    for chain in ("naive", "incremental", "jit"):
        row = cells(report[1], "Stages")[chain]
        parts = {
            part: measured[f"{chain}, 10000", part] for part in ("read", "split", "count", "merge", "encode", "write")
        }
        parts["count"] = max(parts["count"] - parts["read"] - parts["split"], 0)
        total = sum(parts.values())
        assert row == [*(f"{seconds(v)} ({percent(v / total)})" for v in parts.values()), seconds(total)]


def test_merge_curve_says_first_and_last(report: tuple[str, str]) -> None:
    samples = studies()["merges"]["points"][0]["samples"]
    row = cells(report[1], "Stages", 1)["train/jit, 10000"]
    expected = [statistics.median(samples[:10]), statistics.median(samples[-10:]), sum(samples), 2.0]
    assert row == ["100", *map(seconds, expected)]


def test_picks_are_the_fastest_with_ratio_and_confidence(report: tuple[str, str]) -> None:
    measured = medians("size")
    text = report[1].split("## Which implementation to take")[1]
    for stage in STAGES:
        for n_bytes in SIZES:
            times = sorted((measured[f"{stage}/{row.name}", n_bytes], row.name) for row in implementations(stage))
            (best, name), (after, other) = times[:2]
            line = f"| {stage} | {size(n_bytes)} | {name} | {seconds(best)} | {other} | {ratio(after / best)} |"
            assert line in text
    assert "| clear |" in text


def test_profiles_rank_what_takes_the_time(report: tuple[str, str]) -> None:
    text = report[1].split("## Bottlenecks")[1]
    assert "f0 25 %, f1 17 %, f2 8.3 % | 50 %" in text
    assert "| `f0` | `impls/x.py:0` | 3 s | 25 % | 6 s |" in text
    assert "| encode/jit | stories-100KB | pretokens looked up | 12,345 |" in text
    assert "scalene of train/jit on w: scalene: it crashed" in text
    assert "| 500 ms | 2.50x |" in text
    memory = report[1].split("## Memory")[1]
    assert "| count/findall | stories-100KB | 60 MB | `keep` | `impls/x.py:7` | 30 MB | 50 % |" in memory
    assert "| count/process_pool | stories-100KB | 10 MB | 30 MB | 20 MB | 10 MB | 1 s |" in memory
    assert "| 1 MB | 4,000 | 10 MB | 8 MB | 0.80 |" in memory


def test_compression_is_the_median_of_documents(report: tuple[str, str]) -> None:
    measured = medians("compression")["trained on stories, 1,000", "documents of stdlib"]
    row = cells(report[1], "Compression")["trained on stories, 1,000"]
    assert row[1].split(" ±")[0] == f"{measured:.2f}"
    assert "pairs ran out at 900 tokens" in report[1]
    assert "Medians of 10 documents, drawn with seed 0" in report[1]


def test_peers_have_ratios_and_errors_have_none(report: tuple[str, str]) -> None:
    text = report[1].split("## Against other tokenizers")[1].split("\n## ")[0]
    row = cells(report[1], "Against other tokenizers")["train a 32,000 vocabulary, against theirs"]
    assert row == [">= 3x", "4x", "3x .. 5x", "600 ms", "600 ms", "reached", "P.1"]
    assert "P.2: error, no ratio: outputs differ" in text


def test_faults_have_a_cost_and_a_test(report: tuple[str, str]) -> None:
    text = report[1].split("## Known faults")[1]
    times = medians("faults")
    cost = times["faulty", "a fault of speed"] / times["here", "a fault of speed"]
    assert f"| a fault of speed | {seconds(times['faulty', 'a fault of speed'])}" in text
    assert f"| {ratio(cost)} |" in text
    assert "| a fault of correctness | faulty | here | `tests/bench/test_faults.py` |" in text


def test_bottleneck_by_size(report: tuple[str, str]) -> None:
    measured = medians("size")
    row = cells(report[1], "Does the small set show the bottleneck of the large one?", 1)["10 MB"]
    parts = [measured[f"{stage}/jit", 10_000_000] for stage in ("count", "train", "encode")]
    largest = ("count", "train", "encode")[parts.index(max(parts))]
    assert row == [*(percent(part / sum(parts)) for part in parts), largest]
    assert f"compiled: the bottleneck of 10 MB is {largest}, which is the bottleneck of " in report[1]
    assert "| train/naive | stories-100KB: f0 25 % | stories-5MB: f0 42 % | yes |" in report[1]
