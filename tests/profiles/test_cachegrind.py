"""Cachegrind's files are read, subtracted and written; without Valgrind the tool is skipped with a line."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.inputs import inputs_of
from impls import MergelabError
from profiles.__main__ import main
from profiles.commands.run import describe
from profiles.tools import cachegrind
from profiles.tools.cachegrind import EVENTS, UNKNOWN, Counts
from profiles.tools.units import units
from tests.profiles import ENCODING, TRAINING

Capture = pytest.CaptureFixture[str]

SAMPLE = """\
desc: I1 cache:         32768 B, 64 B, 8-way associative
cmd: python -c a=b
events: Ir I1mr ILmr Dr D1mr DLmr Dw D1mw DLmw Bc Bcm Bi Bim
fl=???
fn=???
0 100 1 0 20 5 2 10 3 1 30 4 6 2
fn=blas_thread_server
0 7 0 0 0 0 0 0 0 0 1 0 0 0
fl=a=b.c
fn=operator==(x, y)
12 1000 . . 200
13 1 2 3 4 5 6 7 8 9 10 11 12 13
fl=???
fn=???
7 11
summary: 1119 3 3 224 10 8 17 11 10 41 15 18 15
"""

OPERATOR = ("a=b.c", "operator==(x, y)")

NO_VALGRIND = "Valgrind is not installed; install it: apt install valgrind"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample"
    path.write_text(SAMPLE)
    return path


def test_lines_of_a_function_are_added(sample: Path) -> None:
    counts = Counts.read(sample)
    assert counts.events == (
        "Ir",
        "I1mr",
        "ILmr",
        "Dr",
        "D1mr",
        "DLmr",
        "Dw",
        "D1mw",
        "DLmw",
        "Bc",
        "Bcm",
        "Bi",
        "Bim",
    )
    assert counts.functions == {
        UNKNOWN: [111, 1, 0, 20, 5, 2, 10, 3, 1, 30, 4, 6, 2],
        ("???", "blas_thread_server"): [7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        OPERATOR: [1001, 2, 3, 204, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    }


def test_only_code_without_any_name_is_compiled_code(sample: Path) -> None:
    assert cachegrind.digest(sample) == {
        "compiled": {"instructions": 111, "branches": 36, "mispredicted": 6, "d1_misses": 8, "ll_misses": 3},
        "call": {"instructions": 1119, "branches": 59, "mispredicted": 30, "d1_misses": 21, "ll_misses": 18},
    }


def test_python_without_kernels_has_no_compiled_code(sample: Path) -> None:
    sample.write_text(SAMPLE.replace("fn=???", "fn=_PyEval"))
    assert set(cachegrind.digest(sample)["compiled"].values()) == {0}


@pytest.mark.parametrize("content", ["", "events: Ir\n", SAMPLE.rpartition("summary")[0], None])
def test_a_file_that_ends_too_early_is_one_line(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "x").write_text(content)
    with pytest.raises(MergelabError, match="Valgrind left no counts, or not all of them; try again"):
        Counts.read(tmp_path / "x")


def test_no_work_is_a_failure(tmp_path: Path) -> None:
    Counts(("Ir",), {}).write(tmp_path / "x")
    with pytest.raises(MergelabError, match="nothing was counted; take a larger workload"):
        cachegrind.digest(tmp_path / "x")


def test_what_did_nothing_since_is_left_out() -> None:
    before = Counts(("Ir", "Dr"), {("f", "idle"): [3, 4], ("f", "busy"): [3, 4]})
    after = Counts(("Ir", "Dr"), {("f", "idle"): [3, 4], ("f", "busy"): [5, 4], ("f", "new"): [0, 1]})
    assert (after - before).functions == {("f", "busy"): [2, 0], ("f", "new"): [0, 1]}


names = st.tuples(st.sampled_from(["a.c", "b=c", "???"]), st.sampled_from(["f", "g(x=1)", "???", "0 1 2"]))
rows = st.lists(st.integers(0, 2**40), min_size=3, max_size=3)
functions = st.dictionaries(names, rows)


@given(functions, functions)
def test_a_difference_is_read_as_it_was_written(early: dict[tuple[str, str], list[int]], more: object) -> None:
    assert isinstance(more, dict)
    late = {name: [a + b for a, b in zip(early.get(name, [0] * 3), row, strict=True)] for name, row in more.items()}
    events = ("Ir", "Bc", "Dr")
    difference = Counts(events, {**early, **late}) - Counts(events, early)
    assert difference.functions == {name: row for name, row in more.items() if any(row)}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        difference.write(path)
        assert Counts.read(path) == difference


def test_work_is_divided_by_pretokens_or_merges() -> None:
    assert units(TRAINING) == {"per": "merge", "units": 320 - 256 - 1, "kernels": False}
    pretokens = inputs_of(ENCODING.row()).pretokens
    assert units(ENCODING) == {"per": "pretoken", "units": pretokens.counts.sum(), "kernels": True}
    assert json.dumps(units(ENCODING))


@pytest.mark.parametrize(("kernels", "lines"), [(True, 10), (False, 5)])
def test_a_run_prints_what_a_unit_of_work_takes(kernels: bool, lines: int, sample: Path) -> None:
    about = {"stage": "count", "impl": "jit", "workload": "w", "tool": "cachegrind", "sees": "counts"}
    times = {
        "seconds_plain": 1.0,
        "slow_down": 40.0,
        "repeats": 2,
        "per": "pretoken",
        "units": 10,
        "kernels": kernels,
    }
    _, *shown = describe({**about, **times, **cachegrind.digest(sample)}).splitlines()
    words = [" ".join(line.split()) for line in shown]
    assert len(words) == lines
    assert words[-5] == "55.950 instructions per pretoken, whole call"
    assert ("5.550 instructions per pretoken, compiled code" in words) == kernels


def test_without_valgrind_the_suite_says_so_and_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("PATH", "")
    words = ["suite", "--only", "cachegrind", "--captures", str(tmp_path / "c"), "--records", str(tmp_path / "r")]
    assert main(words) == 0
    assert f"cachegrind: skipped, since {NO_VALGRIND}\n" in capsys.readouterr().err
    (path,) = (tmp_path / "r").iterdir()
    content = json.loads(path.read_text())
    assert content["skipped"] == [{"tool": "cachegrind", "reason": NO_VALGRIND}]
    assert (content["digests"], content["failures"]) == ([], [])


@pytest.mark.parametrize(
    ("machine", "message"),
    [("x86_64", NO_VALGRIND), ("aarch64", "Cachegrind is set up for x86_64 CPUs, and this CPU is aarch64")],
)
def test_without_valgrind_a_run_is_one_line(
    machine: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setenv("PATH", "")
    words = ["run", "--tool", "cachegrind", "--stage", "count", "--impl", "jit", "--captures", str(tmp_path)]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"python -m profiles: error: cachegrind: {message}")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_addresses_may_vary_where_the_system_forbids_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Sequence[str]] = []
    monkeypatch.setattr(cachegrind, "run_child", lambda command, *_: ran.append(command))
    assert [*cachegrind.same_addresses(), "true"] == ran[0]

    def forbidden(*_: object) -> str:
        raise MergelabError("setarch: failed to set personality: Operation not permitted")

    monkeypatch.setattr(cachegrind, "run_child", forbidden)
    assert cachegrind.same_addresses() == []


def test_counts_are_sums_of_events_that_cachegrind_has() -> None:
    known = SAMPLE.splitlines()[2].split()[1:]
    assert {event for events in EVENTS.values() for event in events} <= set(known)
