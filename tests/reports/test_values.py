"""Figures are numbers with units, computed without any rendering: checked by their own arithmetic."""

from __future__ import annotations

import statistics

import pytest

from reports.errors import Missing
from reports.evidence import Evidence, load_evidence
from reports.figures import (
    counts,
    downscaling,
    faults,
    gains,
    growth,
    ladders,
    memory,
    peers,
    picks,
    profiles,
    stages,
    step,
    studies,
)
from reports.figures.fit import growth as fitted
from reports.figures.series import Bars, Lines
from reports.figures.tables import Table
from reports.figures.values import Bound, Code, Part, Shares, Small, Spread, Value, over, quartiles
from reports.records import ladder
from tests.support.records import SIZES, quantile, step_record, studies_record, write_all
from tests.support.report_arithmetic import CHAINS


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return load_evidence(write_all(tmp_path_factory.mktemp("records")))


def samples(study: str, series: str, x: float | str) -> list[float]:
    points = studies_record()["studies"][study]["points"]
    (found,) = (p["samples"] for p in points if (p["series"], p["x"]) == (series, x))
    return list(found)


# Values and tables.


def test_a_ratio_has_the_spread_of_its_unfavourable_and_favourable_quartiles() -> None:
    gain = over(Value(12.0, "s", 10.0, 15.0), Value(4.0, "s", 2.0, 5.0))
    assert (gain.number, gain.unit, gain.low, gain.high) == (3.0, "x", 2.0, 7.5)
    assert gain.spread == Spread(2.0, 7.5, "x")
    assert (gain.least.number, gain.most.number) == (2.0, 7.5)
    assert gain.alone == Value(3.0, "x")
    assert gain.alone.spread == Spread(3.0, 3.0, "x")


def test_quartiles_are_interpolated() -> None:
    value = quartiles([1.0, 2.0, 4.0, 9.0], "s")
    assert value == Value(3.0, "s", 1.75, 5.25)
    assert Part(1.0, 4.0, "s").share == 0.25
    assert Shares((("a", 0.5), ("b", 0.25))).total == 0.75


def test_unit_and_alignment_of_a_column_follow_from_its_cells() -> None:
    rows = [
        ["a", Value(1.0, "s"), Spread(1.0, 2.0, "s"), Part(1.0, 2.0, "s"), None, Value(1.0, "s"), Code("x")],
        ["b", None, None, None, None, Bound(Value(1.0, "x")), "word"],
    ]
    columns = Table(["name", "value", "spread", "part", "nothing", "two units", "words"], rows).columns
    assert [column.unit for column in columns] == [None, "s", "s", "s", None, None, None]
    assert [column.is_numeric for column in columns] == [False, True, True, True, True, True, False]
    assert columns[1].cells == (Value(1.0, "s"), None)


def test_a_row_that_is_too_short_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        _ = Table(["a", "b"], [["one"]]).columns


# Figures.


def test_a_ladder_is_drawn_and_listed_in_one_unit_a_column(evidence: Evidence) -> None:
    rungs = ladders.rungs(ladder(evidence.bench, "train", "stories-5MB"))
    assert [column.unit for column in ladders.table(rungs).columns] == [
        None, None, "s", "s", "x", "x", "merges/s", "rounds",
    ]  # fmt: skip
    assert [rung.rate.number for rung in rungs] == [63 / rung.time.number for rung in rungs]
    assert {rung.rate.unit for rung in ladders.rungs(ladder(evidence.bench, "count", "stories-5MB"))} == {"MB/s"}
    drawn = ladders.bars(rungs)
    assert isinstance(drawn, Bars)
    assert drawn.bars[0].value.number == 1
    assert [bar.value for bar in drawn.bars] == [rung.speedup for rung in rungs]
    assert drawn.bars[0].step is None
    found = ladders.step(evidence.bench, "train", "jit", "stories-5MB")
    assert found
    assert drawn.bars[-1].step == found.gain.alone
    assert ladders.fastest(rungs).impl == "jit"


def test_a_step_of_the_ladder_is_over_the_one_before(evidence: Evidence) -> None:
    rungs = {rung.impl: rung for rung in ladders.rungs(ladder(evidence.bench, "train", "stories-5MB"))}
    names = list(rungs)
    before = names[names.index("incremental") - 1]
    found = ladders.step(evidence.bench, "train", "incremental", "stories-5MB")
    assert found
    assert found.before == before
    assert found.gain.number == rungs[before].time.number / rungs["incremental"].time.number
    assert ladders.step(evidence.bench, "train", "naive", "stories-5MB") is None
    assert ladders.step(evidence.bench, "train", "unknown", "stories-5MB") is None
    assert [one.workload for one in ladders.steps(evidence.bench, "encode", "heap")] == [
        "stories-100KB",
        "stories-5MB",
    ]


def test_a_study_is_a_table_of_medians_and_lines_through_them(evidence: Evidence) -> None:
    study = evidence.study("size")
    table = studies.values(study)
    assert table.head[1:] == [Value(n, "bytes") for n in SIZES]
    (row,) = (row for row in table.rows if row[0] == "encode/heap")
    for cell, n in zip(row[1:], SIZES, strict=True):
        taken = samples("size", "encode/heap", n)
        expected = [statistics.median(taken), quantile(taken, 0.25), quantile(taken, 0.75)]
        assert isinstance(cell, Value)
        assert [cell.number, cell.low, cell.high] == pytest.approx(expected)
        assert cell.unit == "s"
    drawn = studies.lines(study, "encode")
    assert isinstance(drawn, Lines)
    assert (drawn.x.label, drawn.x.unit, drawn.x.log) == ("corpus", "bytes", True)
    assert (drawn.y.label, drawn.y.unit, drawn.y.log) == ("time", "s", True)
    (line,) = (line for line in drawn.lines if line.name == "heap")
    assert [x for x, _ in line.points] == list(SIZES)
    assert [y for _, y in line.points] == [cell.number for cell in row[1:] if isinstance(cell, Value)]


def test_axes_say_what_they_show_with_the_unit_that_numbers_do_not_carry(evidence: Evidence) -> None:
    labels = {
        name: evidence.study(name).x_label for name in ("size", "vocabulary", "workers", "duplication", "script")
    }
    assert labels == {
        "size": "corpus",
        "vocabulary": "vocabulary in tokens",
        "workers": "workers",
        "duplication": "copies of one part in 8 KB",
        "script": "script",
    }
    assert not studies.is_numeric(evidence.study("script"))
    memory_axis = studies.lines(evidence.study("memory")).y
    assert (memory_axis.label, memory_axis.unit, memory_axis.log) == ("memory", "bytes", False)


def test_a_measurement_without_rounds_has_no_spread(evidence: Evidence) -> None:
    table = studies.values(evidence.study("memory"))
    assert table.rows[0][1] == Value(1_000_000 + 5e7, "bytes")


def test_growth_is_an_exponent_with_an_interval(evidence: Evidence) -> None:
    exponent, points = growth.slopes(evidence.study("size")).rows[0][1:]
    assert isinstance(exponent, Value)
    assert exponent.unit == "power"
    assert exponent.spread.low < exponent.number < exponent.spread.high
    assert points == Value(3, "points")
    assert {row.stage: row.series for row in growth.of_the_fastest(evidence.points("size"))} == {
        "count": "count/jit", "train": "train/jit", "encode": "encode/jit",
    }  # fmt: skip


def test_rates_are_in_their_units(evidence: Evidence) -> None:
    (row,) = (row for row in growth.rates(evidence.points("size")).rows if row[0] == "encode/jit")
    seconds = statistics.median(samples("size", "encode/jit", SIZES[-1]))
    assert [(cell.unit, pytest.approx(cell.number)) for cell in row[1:] if isinstance(cell, Value)] == [
        ("bytes", 1e7),
        ("MB/s", 10 / seconds),
        ("M tokens/s", 2 / seconds),
        ("M characters/s", 9 / seconds),
        ("bytes per token", 5.0),
        ("characters per token", 4.5),
        ("h", 82_500 * seconds / 3600),
    ]


def test_gains_of_repetition_and_of_workers(evidence: Evidence) -> None:
    (once, four) = gains.repetition(evidence.points("duplication")).rows
    for row, n in ((once, 1), (four, 4)):
        naive, weighted = (
            quartiles(samples("duplication", f"train/{name}", n), "s") for name in ("naive", "weighted")
        )
        assert row == [Value(n, "copies"), Value(10.0, "x", decimals=1), *_both(over(naive, weighted))]
    (alone, two) = gains.workers(evidence.points("workers")).rows
    assert alone[3:] == [Value(1.0, "x", decimals=2), Value(1.0, "share")]
    gain = two[3]
    assert isinstance(gain, Value)
    assert two[4] == Value(gain.number / 2, "share")


def _both(value: Value) -> tuple[Value, Spread]:
    return value.alone, value.spread


def test_stages_are_parts_of_their_whole(evidence: Evidence) -> None:
    (split,) = stages.stages(evidence.points("stages"))
    assert split.size == Value(10_000.0, "bytes")
    for row, stack in zip(split.table.rows, split.drawing.stacks, strict=True):
        name, *parts, whole = row
        assert name == stack.name
        assert whole == stack.whole
        assert [part.number for part in parts if isinstance(part, Part)] == list(stack.parts)
        assert sum(part.share for part in parts if isinstance(part, Part)) == pytest.approx(1)


def test_the_first_and_the_last_merges(evidence: Evidence) -> None:
    taken = studies_record()["studies"]["merges"]["points"][0]["samples"]
    expected = [statistics.median(taken[:10]), statistics.median(taken[-10:]), sum(taken), 2.0]
    (row,) = stages.merges(evidence.points("merges")).rows
    assert row[1] == Value(100, "merges")
    assert [cell.number for cell in row[2:] if isinstance(cell, Value)] == pytest.approx(expected)
    ((size, drawn),) = stages.merge_lines(evidence.points("merges"))
    assert size.unit == "bytes"
    assert len(drawn.lines[0].points) < len(taken)


def test_downscaling_compares_the_last_of_each_stage(evidence: Evidence) -> None:
    assert downscaling.chains() == {
        name: [f"{stage}/{impl}" for stage, impl in zip(("count", "train", "encode"), names, strict=True)]
        for name, names in CHAINS.items()
    }
    for one in downscaling.downscaling(evidence.points("size")):
        assert [size.number for size in one.sizes] == list(SIZES)
        for row, bottleneck in zip(one.table.rows, one.bottlenecks, strict=True):
            shares = [cell.number for cell in row[1:-1] if isinstance(cell, Value)]
            assert sum(shares) == pytest.approx(1)
            assert row[-1] == bottleneck == ("count", "train", "encode")[shares.index(max(shares))]


def test_a_pick_is_clear_where_the_quartiles_are_apart(evidence: Evidence) -> None:
    found = picks.picks(evidence.points("size"))
    assert [pick.stage for pick in found] == [stage for stage in ("count", "train", "encode") for _ in SIZES]
    for pick in found:
        assert pick.impl == "jit"
        assert pick.gain
        assert pick.confidence == ("clear" if pick.gain.spread.low > 1 else "open")
        gain = quartiles(samples("size", f"{pick.stage}/{pick.after}", pick.size.number), "s")
        assert pick.gain.number == pytest.approx(gain.number / pick.time.number)
    alone = evidence.points("size")[lambda points: points["impl"] == "jit"]
    assert {pick.confidence for pick in picks.picks(alone)} == {"alone: no other was measured"}
    assert [pick.size.number for pick in picks.lasting(evidence.points("size"))] == [SIZES[0]] * 3


def test_peers_keep_the_unit_of_their_row(evidence: Evidence) -> None:
    measurements = evidence.content("peers")["measurements"]
    (row,) = peers.table(measurements, 32_000).rows
    words = "train a 32,000 vocabulary, against theirs"
    assert row == [
        words, Bound(Value(3, "x", digits=3)), Value(4.0, "x", digits=3),
        Spread(3.0, 5.0, "x", digits=3), Value(0.6, "s"), Value(0.6, "s"), "reached", Small("P.1"),
    ]  # fmt: skip
    (bar,) = peers.bars(measurements, 32_000).bars
    assert (bar.name, bar.value) == (words, Value(4.0, "x", 3.0, 5.0, digits=3))
    assert peers.side(measurements[0], "nobody", "seconds") is None


def test_a_training_step_is_held_against_its_bar() -> None:
    (ours, other, reference) = step.models(step_record()["models"][0]).rows
    assert ours[3:] == [None, None, None, None]
    assert other[5:] == [Bound(Value(1.0, "x", digits=3)), "reached"]
    assert reference[5:] == [None, None]
    assert ours[2] == Value(2048 / ours[1].number, "tokens/s") if isinstance(ours[1], Value) else False
    rows = step.operations(step_record()["operations"]).rows
    assert [row[0] for row in rows] == [Code("linear"), Code("attention")]


def test_profiles_are_shares_of_all_time(evidence: Evidence) -> None:
    digest = evidence.digests("cprofile")[0]
    assert profiles.largest(digest, 2) == Shares((("f0", 0.25), ("f1", 2 / 12)))
    first = profiles.overview(evidence.digests()).rows[0]
    assert first[3] == Value(0.5, "s")
    assert first[6] == Value(pytest.approx(0.5), "share")
    assert profiles.counters(evidence.digests("counters")).rows == [
        ["encode/jit", "stories-100KB", "pretokens looked up", Value(12345, "times")]
    ]
    assert profiles.place({"file": "~", "line": 3}) == "built in"


def test_counts_are_those_of_one_unit_of_work(evidence: Evidence) -> None:
    compiled, call, python, hardware = counts.table(evidence.digests("cachegrind", "hardware")).rows
    assert compiled[:6] == ["encode/jit", "stories-100KB", "cachegrind", "pretoken", "compiled code", None]
    assert compiled[6] == Value(7e6 / 4 / 20_000, "instructions")
    assert call[4:7] == ["whole call", Value(2.0 / 4 / 20_000, "s"), Value(9e6 / 4 / 20_000, "instructions")]
    assert python[:5] == ["train/incremental", "stories-100KB", "cachegrind", "merge", "whole call"]
    assert hardware[7:] == [None] * 4


def test_the_time_is_of_the_profile_that_timed_the_most_calls(evidence: Evidence) -> None:
    digest = evidence.digests("cachegrind")[0]
    longer = digest | {"tool": "cprofile", "repeats": 10, "seconds_plain": 3.0}
    elsewhere = longer | {"workload": "stories-5MB", "repeats": 99}
    assert counts.time(digest, [longer, elsewhere]) == Value(0.3 / 20_000, "s")
    assert counts.time(digest, [elsewhere]) == Value(0.5 / 20_000, "s")


def test_the_largest_cost_comes_first(evidence: Evidence) -> None:
    digest = evidence.digests("cachegrind")[0] | {"repeats": 1, "units": 1}
    misses = digest | {
        "call": {"instructions": 12, "mispredicted": 3, "d1_misses": 3, "ll_misses": 1, "branches": 99}
    }
    assert {name: round(cost.number * 1e9, 6) for name, cost in counts.costs(misses).items()} == {
        "ll_misses": 90.0, "mispredicted": 15.0, "d1_misses": 14.0, "instructions": 1.0
    }  # fmt: skip
    assert list(counts.costs(misses)) == ["ll_misses", "mispredicted", "d1_misses", "instructions"]
    assert str(counts.bound(misses)).count("most of it last-level misses") == 1


def test_memory_rises_from_what_it_was_before(evidence: Evidence) -> None:
    (row,) = memory.resident(evidence.digests("rss")).rows
    assert row[2:] == [Value(n, "bytes") for n in (1e7, 3e7, 2e7, 1e7)] + [Value(1, "s")]
    (row,) = memory.predicted(evidence.points("trainer_memory")).rows
    assert row[3:] == [Value(8e6, "bytes"), Value(0.8, decimals=2)]


def test_faults_without_samples_have_results_in_words(evidence: Evidence) -> None:
    by_kind = dict(faults.faults(evidence.points("faults")))
    assert list(by_kind) == ["speed", "memory", "correctness", "trainer"]
    assert len(by_kind["speed"].head) == 6
    assert by_kind["memory"].columns[1].unit == "bytes"
    assert by_kind["trainer"].rows[0][1:3] == ["faulty", "here"]


def test_what_is_not_there_is_missing_with_the_reason(evidence: Evidence) -> None:
    with pytest.raises(Missing, match="no study nothing; `python -m bench studies` makes all"):
        evidence.study("nothing")
    empty = Evidence(evidence.bench, why_missing={"studies": "no record"})
    for ask in (lambda: empty.points("size"), lambda: empty.content("studies")):
        with pytest.raises(Missing, match="no record"):
            ask()


def test_interval_of_a_slope_holds_the_slope() -> None:
    noisy = [(10.0**n, 3 * 10.0 ** (n * 1.5) * (1 + 0.1 * (-1) ** n)) for n in (4, 4.5, 5, 5.5, 6)]
    fit = fitted([(x, abs(y)) for x, y in noisy])
    assert fit
    assert fit.low < 1.5 < fit.high
    exact = fitted([(x, 2 * x) for x in (1.0, 10.0, 100.0)])
    assert exact
    assert (round(exact.low, 6), round(exact.value, 6), round(exact.high, 6)) == (1, 1, 1)
    assert fitted([(10.0, 1.0)]) is None
    two = fitted([(1.0, 1.0), (10.0, 100.0)])
    assert two
    assert two.value == two.low == two.high == pytest.approx(2)
