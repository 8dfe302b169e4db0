"""A slower case is found, whatever the machine did meanwhile; records that cannot be compared are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reports.__main__ import main
from reports.compare import MIN_WITNESSES, compare
from reports.records import load_record
from tests.support.records import benchmarks_record, write

FIRST, SECOND = "0001_x_20260101_000000.json", "0002_x_20260102_000000.json"


def pair(folder: Path, *of_changed_code: str, **slower: float) -> tuple[Path, Path]:
    return (
        write(folder / "Linux" / FIRST, benchmarks_record()),
        write(folder / "Linux" / SECOND, changed(benchmarks_record(seed=1, **slower), *of_changed_code)),
    )


def changed(content: dict[str, Any], *names: str) -> dict[str, Any]:
    for case in content["benchmarks"]:
        if f"{case['extra_info']['stage']}_{case['extra_info']['impl']}" in names:
            case["extra_info"]["code_sha256"] = "0" * 64
    return content


def test_a_slowed_implementation_fails_the_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, after = pair(tmp_path, "train_jit", train_jit=1.5)
    assert main(["compare", str(after)]) == 0
    assert main(["compare", str(after), "--fail-above", "10"]) == 1
    out, err = capsys.readouterr()
    assert [line.split(" is ")[0].split(": ")[-1] for line in err.splitlines()] == [
        "train/jit on stories-100KB",
        "train/jit on stories-5MB",
    ]
    assert "2 slower" in out
    assert main(["compare", str(after), "--fail-above", "70%"]) == 0


def test_what_differs_by_chance_does_not(tmp_path: Path) -> None:
    _, after = pair(tmp_path)
    assert main(["compare", str(after), "--fail-above", "5"]) == 0


def test_the_drift_of_the_machine_is_taken_off(tmp_path: Path) -> None:
    everything = {f"{c['extra_info']['stage']}_{c['extra_info']['impl']}" for c in benchmarks_record()["benchmarks"]}
    before, after = pair(tmp_path, "encode_jit", **{**dict.fromkeys(everything, 2.0), "encode_jit": 4.0})
    found = compare(load_record(before), load_record(after))
    assert found.drift == pytest.approx(2, rel=0.1)
    assert set(found.rows[found.rows["verdict"] == "slower"]["impl"]) == {"jit"}
    assert main(["compare", str(after), "--fail-above", "10"]) == 1


def test_without_unchanged_code_nothing_is_taken_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {f"{c['extra_info']['stage']}_{c['extra_info']['impl']}" for c in benchmarks_record()["benchmarks"]}
    before = write(tmp_path / "Linux" / FIRST, benchmarks_record())
    after = write(tmp_path / "Linux" / SECOND, changed(benchmarks_record(1, train_naive=3.0), *names))
    found = compare(load_record(before), load_record(after))
    assert (found.drift, found.witnesses) == (1.0, 0)
    assert not found.rows["unchanged"].any()
    assert main(["compare", str(after), "--fail-above", "10"]) == 1
    assert (
        "there is no implementation of unchanged code; the drift of the machine is measured only from 3"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("n_unchanged", [1, 2, 3])
def test_few_witnesses_take_nothing_off_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], n_unchanged: int
) -> None:
    # All of them are three times as slow: where they are few, that may be their own doing.
    unchanged = ["train_jit", "count_jit", "encode_jit"][:n_unchanged]
    names = {f"{c['extra_info']['stage']}_{c['extra_info']['impl']}" for c in benchmarks_record()["benchmarks"]}
    before = write(tmp_path / "Linux" / FIRST, benchmarks_record())
    slower = changed(benchmarks_record(1, **dict.fromkeys(unchanged, 3.0)), *names.difference(unchanged))
    after = write(tmp_path / "Linux" / SECOND, slower)
    found = compare(load_record(before), load_record(after))
    assert (found.drift, found.witnesses) == (pytest.approx(3, rel=0.1), n_unchanged)
    change = found.rows[found.rows["unchanged"]]["change"]
    status = main(["compare", str(after), "--fail-above", "10"])
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith(f"{n_unchanged} implementations of unchanged code took {found.drift:.2f}x as long; ")
    assert status == 0
    if n_unchanged < MIN_WITNESSES:
        assert change.tolist() == pytest.approx([3.0] * len(change), rel=0.2)
        assert "no ratio is divided by a drift" in line
    else:
        assert change.tolist() == pytest.approx([1.0] * len(change), rel=0.2)
        assert "every ratio is divided by this drift" in line


def test_changed_code_is_compared_and_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "Linux" / FIRST, benchmarks_record())
    after = write(tmp_path / "Linux" / SECOND, changed(benchmarks_record(1, count_jit=0.5), "count_jit"))
    assert main(["compare", str(after)]) == 0
    lines = (" ".join(line.split()) for line in capsys.readouterr().out.splitlines())
    line = next(line for line in lines if line.startswith("count/jit stories-5MB"))
    assert "changed" in line
    assert line.endswith("faster")


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (("machine_info", "cpu", "count"), 64, "another machine (64 instead of"),
        (("machine_info", "cpu", "brand_raw"), "Abacus", "another machine (Abacus instead of"),
        (("machine_info", "python_version"), "3.99", "another Python (3.99 instead of"),
    ],
)
def test_what_is_not_comparable_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: tuple[str, ...], value: object, reason: str
) -> None:
    before, after = pair(tmp_path)
    content = benchmarks_record()
    inner = content
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    write(before, content)
    assert main(["compare", str(after)]) == 1
    assert main(["compare", str(after), "--against", str(before)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(reason in line for line in errors)


def test_the_last_comparable_is_found_before_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = pair(tmp_path)
    other = benchmarks_record()
    for case in other["benchmarks"]:
        case["extra_info"]["corpus_sha256"] = "0" * 64
    write(tmp_path / "Linux" / "0001_x_20260101_120000.json", other)
    (tmp_path / "Linux" / "0001_x_20260101_130000.json").write_text("{")
    assert main(["compare", str(after)]) == 0
    out = capsys.readouterr().out
    assert f"{SECOND} against {before.name}" in out
    assert "20260101_120000.json: not comparable: no workload in common" in out
    assert "20260101_130000.json: not JSON" in out


def test_unchanged_code_never_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Seen once: unchanged code was called slower by 1.85x, and the gate failed."""
    _, after = pair(tmp_path, "encode_jit", train_jit=1.85)
    assert main(["compare", str(after), "--fail-above", "10"]) == 0
    out, err = capsys.readouterr()
    assert "unchanged code, slower by more than 10 %: 2 of the cases; no failure" in out
    assert err == ""


BROKEN = {"stage": "count", "impl": "jit", "workload": "stories-5MB", "error": "out of memory"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"errors": [BROKEN]}, "it has errors"),
        ({"arguments": ["bench", "--quiet", "-k", "train jit"]}, "filtered, made with -k 'train jit'"),
        ({"arguments": ["bench", "--corpus", "file:x.txt"]}, "filtered, made with --corpus file:x.txt"),
        ({"arguments": ["bench/bench_train.py"]}, "filtered, made with bench/bench_train.py"),
    ],
)
def test_broken_and_filtered_runs_are_no_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], reason: str
) -> None:
    before, after = pair(tmp_path)
    between = write(tmp_path / "Linux" / "0001_x_20260101_120000.json", {**benchmarks_record(), **fields})
    assert main(["compare", str(after)]) == 0
    out = capsys.readouterr().out
    assert f"{SECOND} against {before.name}" in out
    assert f"{between.name}: no baseline: {reason}\n" in out
    before.unlink()
    assert main(["compare", str(after)]) == 1
    assert reason in capsys.readouterr().err
    assert main(["compare", str(after), "--against", str(between)]) == 0, "whoever names it may have it"


def test_options_of_the_clock_choose_no_cases(tmp_path: Path) -> None:
    before, after = pair(tmp_path)
    write(before, {**benchmarks_record(), "arguments": ["bench", "--benchmark-disable-gc"]})
    assert main(["compare", str(after)]) == 0


@pytest.mark.parametrize("word", ["1", "0001", "0001_x", FIRST])
def test_a_record_is_named_by_its_number(tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    _, after = pair(tmp_path)
    assert main(["compare", str(after), "--against", word]) == 0
    assert f"{SECOND} against {FIRST}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("7", f"--against: '7' is no record; give a path or the number of one of these: {FIRST}, 0003_y"),
        ("0002", "--against: '0002' is no record; "),
        ("", "--against: '' is the beginning of 2 records; "),
        ("none/0001.json", "--against: 'none/0001.json' is no record; "),
    ],
)
def test_an_unknown_number_lists_the_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, message: str
) -> None:
    _, after = pair(tmp_path)
    write(tmp_path / "Linux" / "0003_y_20260103_000000.json", benchmarks_record())
    assert main(["compare", str(after), "--against", word]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_case_with_another_output_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = pair(tmp_path)
    content = benchmarks_record(1)
    content["benchmarks"][0]["extra_info"]["output_sha256"] = "0" * 64
    write(after, content)
    assert main(["compare", str(after), "--against", str(before)]) == 0
    assert "count/findall on stories-100KB: not in the earlier record" in capsys.readouterr().out


def test_a_case_that_is_measured_no_more_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, after = pair(tmp_path)
    content = benchmarks_record(1)
    del content["benchmarks"][0]
    write(after, content)
    assert main(["compare", str(after)]) == 0
    assert "no more in the newer record: count/findall on stories-100KB\n" in capsys.readouterr().out


def test_bad_usage_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, after = pair(tmp_path)
    for words in (["--fail-above", "much"], ["--fail-above", "-3"], ["--nothing"]):
        with pytest.raises(SystemExit) as stopped:
            main(["compare", str(after), *words])
        assert stopped.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "Linux" / FIRST).unlink()
    assert main(["compare", str(after)]) == 1
    assert "no earlier record to compare with" in capsys.readouterr().err
