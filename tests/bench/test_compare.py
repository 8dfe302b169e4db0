"""`bench compare`: real revisions in real processes, and what a bad revision says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.cases import Case
from bench.commands import compare as command
from bench.memory import children
from bench.revisions import checkout
from bench.revisions.choice import trials
from bench.revisions.process import implementations_of
from impls import MergelabError
from impls.registry import implementations
from tests.bench.conftest import has_ended
from tests.bench.test_revisions import IGNORED, SMALL
from tests.support import ROOT


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
        (
            ["--base", "HEAD", "--only", "encode/none"],
            2,
            "--only: there is no implementation 'encode/none'; ",
        ),
        (
            ["--base", "HEAD", "--workload", "none"],
            2,
            "--workload: there is no workload 'none'; choose ",
        ),
        (["--base", "HEAD", "--fail-above", "-3"], 2, "--fail-above: '-3' is not a percentage"),
        (["--base", "HEAD", "--fail-above=-3"], 2, "'-3' is not a percentage; write 10 or 2.5%"),
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


def test_what_measured_code_prints_is_no_answer(project: Path) -> None:
    edit(project, "impls/registry.py", "from dataclasses", "print('hello')\nfrom dataclasses")
    assert "count/findall" in implementations_of("head", project, {})


def test_base_finds_no_module_of_head(project: Path) -> None:
    """An editable installation has a finder of its own, which would find what base does not have."""
    edit(project, "impls/registry.py", "from dataclasses", "import impls.streams\nfrom dataclasses")
    (project / "impls" / "streams.py").unlink()
    with pytest.raises(MergelabError, match=r"base: ModuleNotFoundError: .*'impls\.streams'"):
        implementations_of("base", project, {})


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
