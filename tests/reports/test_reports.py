"""The report: figures are computed again from the records, what is missing says why, the page stands alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impls.machine import machine_name
from impls.registry import STAGES, implementations
from reports.__main__ import main
from reports.fit import growth
from reports.formats import percent, ratio, seconds, size
from reports.load import ReportError, load_evidence, newest_record
from reports.sections import PARTS, sections
from tests.support import ROOT
from tests.support.records import (
    SIZES,
    benchmarks_record,
    peers_record,
    profiles_record,
    quantile,
    studies,
    sweeps_record,
    write,
    write_all,
)

N_CORES = len(os.sched_getaffinity(0))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return HTML and Markdown of made-up records of all kinds."""
    folder = tmp_path_factory.mktemp("report")
    record = write_all(folder / "machine")
    assert main([str(record), "--out", str(folder / "out")]) == 0
    return (folder / "out" / "index.html").read_text(), (folder / "out" / "report.md").read_text()


def cells(markdown: str, section: str, table: int = 0) -> dict[str, list[str]]:
    """Return the rows of a table of a section by their first cell."""
    text = markdown.split(f"\n## {section}\n")[1].split("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in tables[table].splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}


def medians(study: str) -> dict[tuple[str, Any], float]:
    return {
        (p["series"], p["x"]): statistics.median(p["samples"]) for p in studies()[study]["points"] if p["samples"]
    }


def test_no_section_is_missing(report: tuple[str, str]) -> None:
    assert "Missing" not in report[1]
    titles = re.findall("^## (.*)$", report[1], re.MULTILINE)
    assert titles[0] == "Summary"
    assert len(titles) == len(set(titles)) > len(PARTS)


def test_growth_is_what_the_samples_say(report: tuple[str, str]) -> None:
    measured, fits = medians("size"), cells(report[1], "Growth with the corpus", 1)
    table = cells(report[1], "Growth with the corpus")
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


def test_interval_of_a_slope_holds_the_slope() -> None:
    noisy = [(10.0**n, 3 * 10.0 ** (n * 1.5) * (1 + 0.1 * (-1) ** n)) for n in (4, 4.5, 5, 5.5, 6)]
    fit = growth([(x, abs(y)) for x, y in noisy])
    assert fit
    assert fit.low < 1.5 < fit.high
    exact = growth([(x, 2 * x) for x in (1.0, 10.0, 100.0)])
    assert exact
    assert (round(exact.low, 6), round(exact.value, 6), round(exact.high, 6)) == (1, 1, 1)
    assert growth([(10.0, 1.0)]) is None
    two = growth([(1.0, 1.0), (10.0, 100.0)])
    assert two
    assert two.value == two.low == two.high == pytest.approx(2)


def test_what_repetition_and_workers_bring(report: tuple[str, str]) -> None:
    measured = medians("duplication")
    for copies in (1, 4):
        gain = measured["train/naive", copies] / measured["train/weighted", copies]
        assert cells(report[1], "What repetition brings", 1)[str(copies)][1] == ratio(gain)
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
    assert "| P.1 | train: theirs | >= 3x | 4x | 3x .. 5x | 600 ms | 600 ms | reached |" in text
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
    assert f"compiled: the bottleneck of 10 MB, {largest}, is that of " in report[1]
    assert "| train/naive | stories-100KB: f0, 25 % | stories-5MB: f0, 42 % | yes |" in report[1]


def test_the_page_needs_nothing_else(report: tuple[str, str]) -> None:
    page = report[0]
    assert not re.search(r"src=|href=(?!\"#)|url\(|https?://|<script|@import", page)
    for name in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{name}"' in page
    assert page.count("<svg") == page.count("</svg>") > 10
    assert "nan" not in re.sub(r"[a-z]nan|nan[a-z]", "", page)


def test_twice_the_same_bytes(tmp_path: Path, report: tuple[str, str]) -> None:
    record = write_all(tmp_path / "machine")
    for _ in range(2):
        main([str(record), "--out", str(tmp_path)])
        assert ((tmp_path / "index.html").read_text(), (tmp_path / "report.md").read_text()) == report


def test_what_is_missing_says_why(tmp_path: Path) -> None:
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", benchmarks_record())
    assert main([str(record), "--out", str(tmp_path)]) == 0
    text = (tmp_path / "report.md").read_text()
    assert "Missing: no record; `python -m bench.sweeps` makes one" in text
    assert "Missing: no record; `nox -s profile` makes one" in text
    assert "Missing: no record; `nox -s peers` makes one" in text
    assert "## The training step\n\nMissing: no record; `nox -s step` makes one" in text


def test_a_corrupt_record_is_one_line_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = write_all(tmp_path / "m")
    (tmp_path / "m" / "sweeps" / "0002_x_20260102_000000.json").write_text("{")
    (tmp_path / "m" / "peers" / "0002_x_20260102_000000.json").write_text('{"kind": "peers"}')
    profiles = profiles_record()
    del profiles["digests"][0]["seconds_plain"]
    write(tmp_path / "m" / "profiles" / "0002_x_20260102_000000.json", profiles)
    assert main([str(record), "--out", str(tmp_path)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert all("0002_x" in line for line in errors)
    text = (tmp_path / "report.md").read_text()
    assert "lacks what it needs (KeyError('seconds_plain'))" in text
    assert "## Growth with the corpus" in text


@pytest.mark.parametrize("studies", [[], {"size": {}}, {"size": {"points": [{"series": "s"}]}}, {"size": 3}])
def test_a_damaged_record_gives_way_to_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], studies: object
) -> None:
    record = write_all(tmp_path / "m")
    write(tmp_path / "m" / "sweeps" / "0002_x_20260103_000000.json", {**sweeps_record(), "studies": studies})
    assert main([str(record), "--out", str(tmp_path)]) == 1
    (problem,) = capsys.readouterr().err.splitlines()
    assert "0002_x_20260103_000000.json: damaged" in problem
    text = (tmp_path / "report.md").read_text()
    assert "## Small calls" in text
    assert "Missing" not in text


def test_a_record_of_another_machine_is_one_line_and_never_mixed_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = write_all(tmp_path / "m")
    strange = sweeps_record()
    strange["machine_info"]["cpu"]["brand_raw"] = "Abacus 1"
    write(tmp_path / "m" / "sweeps" / "0002_x_20260102_000000.json", strange)
    assert main([str(record), "--out", str(tmp_path)]) == 1
    (problem,) = capsys.readouterr().err.splitlines()
    assert f"0002_x_20260102_000000.json: comes from another machine (Abacus-1-{N_CORES}cores instead of" in problem
    assert "Missing" not in (tmp_path / "report.md").read_text()


def test_a_report_of_another_machine_is_made_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = benchmarks_record()
    content["machine_info"]["cpu"] |= {"brand_raw": "Abacus 1", "count": 3}
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", content)
    assert main([str(record), "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert f"{record.name} comes from Abacus-1-3cores, this is {machine_name()}; `nox -s bench`" in out
    assert not err
    assert "Abacus 1, 3 cores" in (tmp_path / "report.md").read_text()


def test_without_a_record_every_command_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.__main__.newest_record", lambda: newest_record(tmp_path))
    for words in ([], ["build"], ["compare"], ["measurements"], ["tour"]):
        assert main(words) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("no records yet; run `nox -s bench` first")


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = write_all(tmp_path / "m")
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder" / "report.md").mkdir(parents=True)
    for name in ("file", "folder"):
        assert main([str(record), "--out", str(tmp_path / name)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert name in line


def test_stale_code_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = benchmarks_record()
    for case in content["benchmarks"]:
        if case["extra_info"]["impl"] == "weighted":
            case["extra_info"]["code_sha256"] = "0" * 64
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", content)
    assert load_evidence(record).stale() == {"bench": ["train/weighted"]}
    summary = sections(load_evidence(record))[0]
    assert "before the code of train/weighted changed" in str(summary)
    assert main([str(record), "--out", str(tmp_path)]) == 0
    assert "before the code of train/weighted changed" in capsys.readouterr().out


def test_the_newest_record_of_this_machine_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="run `nox -s bench` first"):
        newest_record(tmp_path, "here")
    other = write(tmp_path / "there" / "Linux" / "0009_x_20260109_000000.json", benchmarks_record())
    assert newest_record(tmp_path, "here") == other
    new = write(tmp_path / "here" / "Linux" / "0002_x_20260102_000000.json", benchmarks_record())
    write(tmp_path / "here" / "Linux" / "0003_x_20260101_000000.json", benchmarks_record())
    write(tmp_path / "here" / "peers" / "0001_x_20260105_000000.json", peers_record())
    write(tmp_path / "here" / "sweeps" / "0001_x_20260105_000000.json", sweeps_record())
    assert newest_record(tmp_path, "here") == new


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command = ["chromium", *options, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


needs_chromium = pytest.mark.skipif(not shutil.which("chromium"), reason="there is no chromium")


@needs_chromium
def test_chromium_draws_it_without_a_complaint(report: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(report[0])
    done = chromium(tmp_path, f"--screenshot={tmp_path / 'page.png'}", f"file://{tmp_path / 'index.html'}")
    assert (tmp_path / "page.png").stat().st_size > 20_000
    assert "CONSOLE" not in done.stderr


WIDTHS = "<script>document.title = [innerWidth, document.documentElement.scrollWidth]</script>"

IN_A_PHONE = """
<iframe src="index.html" width="390" height="800"></iframe>
<script>onload = () => { document.title = frames[0].document.title }</script>
"""


@needs_chromium
def test_nothing_is_wider_than_a_phone(tmp_path: Path) -> None:
    content = benchmarks_record()
    for case in content["benchmarks"]:  # So that the long name of the record is shown: its code has changed.
        case["extra_info"]["code_sha256"] = "0" * 64
    record = write_all(tmp_path / "machine")
    write(record, content)
    assert main([str(record), "--out", str(tmp_path)]) == 0
    page = tmp_path / "index.html"
    page.write_text(page.read_text() + WIDTHS)
    # A window of its own is never so narrow.
    (tmp_path / "phone.html").write_text(IN_A_PHONE)
    done = chromium(tmp_path, "--allow-file-access-from-files", "--dump-dom", f"file://{tmp_path / 'phone.html'}")
    found = re.search("<title>(.*)</title>", done.stdout)
    assert found
    width, needed = map(int, found[1].split(","))
    assert (width, needed <= width) == (390, True)


def test_committed_records_have_their_form() -> None:
    for path in (ROOT / "bench" / "records").rglob("*.json"):
        assert json.loads(path.read_text())["machine_info"]["cpu"]["count"] > 0
