"""Two revisions side by side: what is compared, what is claimed, and what a bad revision says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from bench.cases import Case
from bench.code import code_digest
from bench.commands import compare as command
from bench.memory import children
from bench.revisions import checkout
from bench.revisions.choice import chosen_workloads, trials
from bench.revisions.inputs import InputFiles
from bench.revisions.measure import LAUNCHES, Result, Trial, measure, with_control
from bench.revisions.process import CaseError, Launch, implementations_of, started
from bench.revisions.render import control, failure, table
from bench.revisions.worker import digest
from bench.turns import SLOWER, UNSEEN, Comparison, Ratio, Side
from data.workloads import Workload
from impls import MergelabError
from impls.contract import Merges, Pretokens
from impls.registry import find, implementations
from tests.bench.conftest import has_ended
from tests.support import ROOT

SMALL = Workload("small", "stories", 2_000, 300, "small")

IGNORED = shutil.ignore_patterns("__pycache__")


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project of its own, with one commit; it is what the command compares."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "impls", folder / "impls", ignore=IGNORED)
    git(tmp_path, "init", "--quiet", "project")
    commit(folder)
    monkeypatch.setattr(checkout, "ROOT", folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")


def edit(folder: Path, name: str, before: str, after: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert before in text
    (folder / name).write_text(text.replace(before, after), encoding="utf-8")


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run the command; returns its status and its one line of error."""
    try:
        status = main(["compare", *words])
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("python -m bench")]
    assert len(lines) == 1, lines
    return status, lines[0]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--base", "none"], 2, "--base: no revision 'none'; give a commit, or one of HEAD, "),
        (["--base", "--all"], 2, "expected one argument"),
        (["--base=--all"], 2, "--base: no revision '--all'; "),
        (["--base", ""], 2, "--base: no revision ''; "),
        ([], 2, "the following arguments are required: --base"),
        (["--base", "HEAD", "--only", "encode/none"], 2, "--only: no implementation 'encode/none'; there are count/"),
        (["--base", "HEAD", "--workload", "none"], 2, "--workload: no workload 'none'; there are stories-100KB, "),
        (["--base", "HEAD", "--fail-above", "-3"], 2, "--fail-above: '-3' is not a percentage"),
        (["--base", "HEAD", "--fail-above=-3"], 2, "'-3' is not a percentage: write 10 or 2.5%"),
        (["--base", "HEAD", "--seconds", "0"], 2, "--seconds: 0 is no time to compare in; "),
        (["--base", "HEAD", "--seconds", "nan"], 2, "--seconds: nan is no time to compare in; "),
    ],
)
def test_bad_usage_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, message: str
) -> None:
    del project
    found, line = complaint(capsys, *words)
    assert (found, message in line) == (status, True), line


def test_what_is_no_checkout_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    status, line = complaint(capsys, "--base", "HEAD")
    assert status == 1
    assert "no git checkout" in line
    git(tmp_path, "init", "--quiet")
    (tmp_path / "inner").mkdir()
    monkeypatch.setattr(checkout, "ROOT", tmp_path / "inner")
    status, line = complaint(capsys, "--base", "HEAD")
    assert status == 1
    assert "no git checkout of its own" in line


def test_a_missing_git_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(project))
    assert complaint(capsys, "--base", "HEAD") == (
        1,
        "python -m bench: error: git: No such file or directory; install git, which reads the base",
    )


def test_a_base_without_sources_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(project, "mv", "impls", "other")
    commit(project)
    status, line = complaint(capsys, "--base", "HEAD")
    assert status == 1
    assert "give a revision that has the folder impls" in line


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("impls/registry.py", "_ROWS = (", "_ROWS = ((", "base: SyntaxError: "),
        ("impls/registry.py", "from dataclasses", "import nothing\nfrom dataclasses", "base: ModuleNotFoundError: "),
        ("impls/registry.py", "from dataclasses", "import os\nos._exit(3)\nfrom dataclasses", "ended with status 3"),
    ],
)
def test_a_base_that_cannot_be_imported_is_said(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, before: str, after: str, message: str
) -> None:
    edit(project, name, before, after)
    commit(project)
    edit(project, name, after, before)
    status, line = complaint(capsys, "--base", "HEAD")
    assert status == 1
    assert message in line


def test_another_output_is_shown_and_not_timed(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "chosen_workloads", lambda _: [SMALL])
    edit(project, "impls/count/findall.py", "    return Pretokens", "    1 / 0\n    return Pretokens")
    edit(
        project, "impls/train/weighted.py", "    return Merges.from_pairs(merges)", "    return Merges.from_pairs([])"
    )
    assert main(["compare", "--base", "HEAD", "--only", "count/findall,train/weighted"]) == 1
    out = capsys.readouterr().out
    assert "nothing was timed" in out
    assert "count-findall-small: not timed; head: ZeroDivisionError: division by zero\n" in out
    assert "train-weighted-small: not timed; head: its output " in out
    assert " differs from base's " in out


def test_what_base_lacks_or_fails_in_is_left_out(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "chosen_workloads", lambda _: [SMALL])
    edit(project, "impls/registry.py", '    Impl("count", "findall"', '    Impl("count", "former"')
    edit(project, "impls/train/weighted.py", "    return Merges", "    1 / 0\n    return Merges")
    commit(project)
    edit(project, "impls/registry.py", '"former"', '"findall"')
    edit(project, "impls/train/weighted.py", "    1 / 0\n", "")
    assert main(["compare", "--base", "HEAD", "--only", "count/findall,train/weighted"]) == 0
    out = capsys.readouterr().out
    assert "count/findall: base has no such implementation\n" in out
    assert "train-weighted-small: not timed; base: ZeroDivisionError: division by zero\n" in out


def test_changed_code_and_the_fastest_are_chosen(project: Path, tmp_path: Path) -> None:
    base = checkout.check_out(checkout.commit_of("HEAD"), tmp_path / "base")
    edit(project, "impls/encode/heap.py", "from __future__", "# Faster!\nfrom __future__")
    head = checkout.copy_working_tree(tmp_path / "head")
    rows = {
        f"{stage}/{row.name}": row.target for stage in ("count", "train", "encode") for row in implementations(stage)
    }
    found, lines = trials(None, [SMALL], rows, base, head)
    fastest = {str(Case(implementations(stage)[-1], SMALL)) for stage in ("count", "train", "encode")}
    changed = {str(trial.case) for trial in found if trial.changed}
    assert "encode-heap-small" in changed
    assert {str(trial.case) for trial in found} == changed | fastest
    assert not changed & {"count-jit-small", "train-jit-small"}
    assert lines == []
    del rows["count/jit"]
    assert trials(None, [SMALL], {**rows, "count/former": "x:y"}, base, head)[1] == [
        "count/jit: base has no such implementation",
        "count/former: base alone has it",
    ]


def test_skipped_cases_say_why() -> None:
    rows = {"train/naive": "impls.train.naive:train"}
    found, lines = trials("train/naive", chosen_workloads("stories-5MB"), rows, ROOT, ROOT)
    assert found == []
    assert lines[0].startswith("train-naive-stories-5MB: recounts every pretoken")


def test_a_digest_does_not_depend_on_the_folder(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "impls", tmp_path / "impls", ignore=IGNORED)
    for row in implementations("encode"):
        assert code_digest(row, tmp_path) == code_digest(row)
    (tmp_path / "impls" / "tokenizer.py").write_text("")
    assert code_digest(find("encode", "naive"), tmp_path) != code_digest(find("encode", "naive"))


class FakeSide:
    """A process whose turns take made-up times."""

    def __init__(self, name: str, factor: float, output: str, seed: int) -> None:
        self.name, self.factor, self.output = name, factor, output
        self.random = np.random.default_rng(seed)

    def send(self, **order: Any) -> None:
        pass

    def answer(self) -> dict[str, Any]:
        if self.output == "error":
            raise CaseError(self.name, "no luck")
        return {"output": self.output, "seconds": 0.01}

    def side(self, case: str) -> Side:
        del case
        return lambda _: 0.01 * self.factor * float(np.exp(0.005 * self.random.standard_normal()))


class NoFiles:
    def order(self, case: Case) -> dict[str, Any]:
        return {"case": str(case)}


def measured(
    *, factor: float = 1.0, changed: bool = True, outputs: tuple[str, str, str] = ("a", "a", "a"), seconds: float = 20
) -> tuple[list[Result], list[str], list[str], int]:
    """Compare sides with made-up times; returns the results, the lines, and the number of launches."""
    launches = 0

    @contextmanager
    def launcher() -> Iterator[Launch]:
        nonlocal launches
        launches += 1
        base, head, twin = outputs
        sides = (
            FakeSide("base", 1, base, 3 * launches),
            FakeSide("head", factor, head, 3 * launches + 1),
            FakeSide("head", factor, twin, 3 * launches + 2),
        )
        yield Launch(*sides)  # type: ignore[arg-type]

    trial = Trial(Case(find("train", "naive"), SMALL), changed)
    found = measure([trial], launcher, NoFiles(), seconds, lambda _: None)  # type: ignore[arg-type]
    return found.results, found.left_out, found.wrong, launches


def test_a_slower_head_is_called_so() -> None:
    (one,), left_out, wrong, launches = measured(factor=1.1)
    assert (left_out, wrong, launches) == ([], [], 1 + LAUNCHES)
    assert one.verdict == SLOWER
    assert one.comparison.ratio.median == pytest.approx(1.1, rel=0.01)
    assert 1 < one.floor < 1.02
    assert one.fails(5)
    assert not one.fails(15)
    assert "% slower (at least " in failure(one, 5)


def test_unchanged_code_fails_no_gate_however_slow() -> None:
    (one,), *_ = measured(factor=1.85, changed=False)
    assert one.verdict == SLOWER
    assert not one.fails(5)
    assert "1 of 1 cases of unchanged code differ" in control([one])


def test_no_difference_is_seen_where_there_is_none() -> None:
    (one,), *_ = measured()
    assert one.verdict == UNSEEN
    assert not one.fails(0)


@pytest.mark.parametrize(
    ("outputs", "left_out", "wrong"),
    [
        (("a", "b", "b"), [], ["train-naive-small: not timed; head: its output b differs from base's a"]),
        (("a", "a", "b"), [], ["train-naive-small: not timed; head: its output b differs from base's a"]),
        (("a", "error", "error"), [], ["train-naive-small: not timed; head: no luck"]),
        (("error", "a", "a"), ["train-naive-small: not timed; base: no luck"], []),
    ],
)
def test_outputs_are_compared_first(outputs: tuple[str, str, str], left_out: list[str], wrong: list[str]) -> None:
    assert measured(outputs=outputs) == ([], left_out, wrong, 1)


def test_what_does_not_fit_the_time_is_left_out() -> None:
    results, (line,), wrong, launches = measured(seconds=0.4)
    assert (results, wrong, launches) == ([], [], 1)
    assert "its turns need 0.5 s, its share of the time is 0.4 s; choose it alone with --only" in line


def result(median: float, low: float, high: float, floor: float) -> Comparison:
    return Comparison(Ratio(median, low, high), floor)


def test_a_difference_of_unchanged_code_moves_the_floors_of_changed_code() -> None:
    case = Case(find("train", "naive"), SMALL)
    found = with_control([
        (Trial(case, True), result(1.10, 1.08, 1.12, 1.02)),
        (Trial(case, False), result(0.90, 0.88, 0.92, 1.02)),
        (Trial(case, False), result(1.30, 0.88, 1.92, 1.02)),
    ])  # fmt: skip
    assert [one.verdict for one in found] == [UNSEEN, "faster", UNSEEN]
    assert found[0].floor == pytest.approx(1 / 0.9)
    assert not found[0].fails(0)


def test_the_largest_change_comes_first() -> None:
    case = Case(find("train", "naive"), SMALL)
    found = with_control([(Trial(case, True), result(m, m, m, 1.0)) for m in (1.1, 0.5, 1.3)])
    lines = table(command.Measured(found, ["left"], ["wrong"]))
    assert [line.split("|")[3].strip() for line in lines[2:5]] == ["0.500x", "1.300x", "1.100x"]
    assert lines[-3:] == ["control: no case of unchanged code was measured", "left", "wrong"]
    assert table(command.Measured([], [], [])) == ["nothing was timed"]


def test_a_digest_is_that_of_the_values() -> None:
    first = Pretokens.from_mapping({b"a": 1, b"b": 2})
    assert digest(first) == digest(Pretokens.from_mapping({b"b": 2, b"a": 1}))
    outputs = [first, Pretokens.from_mapping({b"a": 2, b"b": 2}), Merges.from_pairs([(1, 2)]), [1, 3], [3, 1]]
    assert len({digest(output) for output in outputs}) == len(outputs)
    assert digest([1, 2]) == digest(np.array([1, 2], np.uint16))


@pytest.mark.parametrize("stage", ["count", "train", "encode"])
def test_a_worker_prepares_and_times_every_stage(tmp_path: Path, stage: str) -> None:
    case, files = Case(implementations(stage)[1], SMALL), InputFiles(tmp_path / "inputs")
    with started("head", ROOT, {}) as side:
        first = side.ask(**files.order(case))
        assert side.ask(**files.order(case))["output"] == first["output"]
        assert side.side(str(case))(3) > 0
        with pytest.raises(CaseError, match="head: KeyError: 'none'"):
            side.side("none")(1)
        assert side.side(str(case))(1) > 0, "it goes on after an error"
    assert has_ended(side.process.pid)


def test_what_measured_code_prints_is_no_answer(project: Path) -> None:
    edit(project, "impls/registry.py", "from dataclasses", "print('hello')\nfrom dataclasses")
    assert "count/findall" in implementations_of("head", project, {})


def test_the_end_of_a_worker_is_said() -> None:
    with started("base", ROOT, {}) as side:
        side.process.kill()
        with pytest.raises(MergelabError, match="base: its process ended with status -9"):
            side.ask(do="rows")


def test_other_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MergelabError, match="base: its sources are not what Python imports"):
        implementations_of("base", tmp_path, {})


@pytest.mark.slow
def test_the_command_compares_real_processes(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "chosen_workloads", lambda _: [SMALL])
    edit(project, "impls/count/findall.py", "from __future__", "# Changed.\nfrom __future__")
    words = ["--base", "HEAD", "--only", "count/findall,train/incremental", "--seconds", "4"]
    assert main(["compare", *words]) == 0
    out = capsys.readouterr().out
    assert "the working tree against HEAD (" in out
    rows = {line.split("|")[1].strip(): line for line in out.splitlines() if line.startswith("| ")}
    assert "| changed " in rows["count/findall"]
    assert "| the same: control |" in rows["train/incremental"]


@pytest.mark.slow
def test_an_interrupt_leaves_no_process_and_no_folder(tmp_path: Path, project: Path) -> None:
    for name in ("bench", "data"):
        shutil.copytree(ROOT / name, project / name, ignore=IGNORED)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "compare", "--base", "HEAD", "--only", "count/findall", "--seconds", "60"],
        cwd=project, env={**os.environ, "PYTHONPATH": str(project), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr
    assert "pilot" in process.stderr.readline()
    deadline = time.monotonic() + 30
    while len(started_ones := children(process.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, errors.splitlines()[-1]) == ("", "python -m bench: error: interrupted; there is no record")
    assert all(map(has_ended, started_ones))
    assert list(temporary.iterdir()) == []
