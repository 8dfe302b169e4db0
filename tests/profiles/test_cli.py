"""`python -m profiles`: runs, the suite with its record, the listing; errors are one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from impls import MergelabError
from profiles import capture
from profiles.__main__ import main
from profiles.commands import suite
from profiles.targets import TARGETS, Subject
from profiles.tools import NAMES
from profiles.tools.tool import Tool

Capture = pytest.CaptureFixture[str]
RunTool = Callable[[Tool, Subject, Path], dict[str, Any]]


def record_of(folder: Path) -> dict[str, Any]:
    (path,) = folder.iterdir()
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def run_suite(folder: Path, *words: str) -> int:
    return main(["suite", *words, "--captures", str(folder / "c"), "--records", str(folder / "r")])


@pytest.fixture
def two_runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, RunTool], None]:
    """Make the suite one run that may fail, (tool, stage), and one that does not; both take a `run_tool`."""

    def choose(tool: str, stage: str, run_tool: RunTool) -> None:
        impl = {"gpt2-step": "fused"}.get(stage, "findall")
        runs = [(tool, Subject(stage, impl, "stories-100KB")), ("rss", Subject("count", "findall", "stories-100KB"))]
        monkeypatch.setattr(suite, "suite", lambda _: iter(runs))
        monkeypatch.setattr(capture, "run_tool", run_tool)

    return choose


def test_without_torch_the_suite_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, two_runs: Callable[..., None]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    told = "gpt2-step: needs PyTorch; run pip install '.[lm]'"
    words = ["run", "--tool", "torch", "--stage", "gpt2-step", "--impl", "fused", "--captures", str(tmp_path)]
    assert main(words) == 1
    assert capsys.readouterr().err == f"python -m profiles: error: {told}\n"
    two_runs("torch", "gpt2-step", lambda *_: {"slow_down": 1.0})
    assert run_suite(tmp_path) == 1
    content = record_of(tmp_path / "r")
    assert [(row["stage"], row["error"]) for row in content["failures"]] == [("gpt2-step", told)]
    assert [row["stage"] for row in content["digests"]] == ["count"]


def test_a_failed_run_is_recorded_and_the_rest_goes_on(
    tmp_path: Path, capsys: Capture, two_runs: Callable[..., None]
) -> None:
    def run_or_fail(tool: Tool, subject: Subject, raw: Path) -> dict[str, Any]:
        if tool.name == "memray":
            raise MergelabError("memray: it\nbroke")
        return {"slow_down": 1.0, "impl": subject.impl, "raw": raw.name}

    two_runs("memray", "count", run_or_fail)
    assert run_suite(tmp_path, "--only", "memray,rss") == 1
    assert "count/findall on stories-100KB: memray: it broke\n" in capsys.readouterr().err
    content = record_of(tmp_path / "r")
    assert [row["tool"] for row in content["digests"]] == ["rss"]
    assert content["failures"][0]["error"] == "memray: it broke"
    assert (content["kind"], content["arguments"]) == ("profiles", ["suite", "--only", "memray,rss"])
    assert str(tmp_path) not in json.dumps(content)
    assert {"memray", "scalene", "torch"} <= content["versions"].keys()
    assert {"count/findall", "lm.train"} <= content["code"].keys()


def test_only_takes_names_of_tools(tmp_path: Path, capsys: Capture) -> None:
    assert run_suite(tmp_path, "--only", "perf") == 2
    assert "--only: there is no tool 'perf'; choose some of cprofile, scalene" in capsys.readouterr().err
    assert {name for name, _ in suite.suite(["rss", "counters"])} == {"rss", "counters"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--stage", "train", "--impl", "naive", "--tool", "torch"],
            "--tool torch: cannot look into train; give one of gpt2-step, llama3-step",
        ),
        (["--stage", "train", "--impl", "fast"], "no implementation 'fast' of train; choose one of naive"),
        (["--stage", "train", "--impl", "naive", "--workload", "w"], "no workload 'w'; choose one of stories-100KB"),
        (["--stage", "train", "--impl", "naive", "--workload", "stories-5MB"], "hours on 5 MB"),
    ],
)
def test_a_target_that_cannot_be_is_one_line(words: list[str], message: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["run", "--tool", "cprofile", *words, "--captures", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], "COMMAND"),
        (["look"], "look"),
        (["run", "--tool", "perf", "--stage", "train", "--impl", "naive"], "perf"),
        (["run", "--tool", "rss", "--stage", "sort", "--impl", "naive"], "sort"),
        (["run", "--tool", "rss", "--stage", "train"], "--impl"),
        (["list", "extra"], "extra"),
    ],
)
def test_bad_usage_exits_2(words: list[str], names: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert names in shown.err


def test_a_run_prints_what_was_seen_and_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    row = {"name": "f", "file": "x.py", "line": 3, "own": 0.5, "cumulative": 1.0, "calls": 1_234}
    site = {"name": "g", "file": "y.py", "line": 4, "bytes": 2_000_000, "allocations": 1}
    seen = {"seconds_plain": 1.0, "slow_down": 2.0, "sees": "all", "functions": [row], "sites": [site]}
    more = {"peak_bytes": 3_000_000, "phases": {"merges made": 63}}
    monkeypatch.setattr(capture, "run_tool", lambda *_: {**seen, **more})
    words = ["--stage", "train", "--impl", "naive", "--captures", str(tmp_path / "new")]
    assert main(["run", "--tool", "cprofile", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "train/naive on stories-100KB, cprofile: 1 s, under the tool 2x; all"
    assert [" ".join(line.split()) for line in lines[1:5]] == [
        "0.5000 s own 1,234 calls f (x.py:3)", "peak 3.0 MB", "2.00 MB g (y.py:4)", "63 merges made"
    ]  # fmt: skip
    assert lines[5] == f"  raw file and digest in {tmp_path / 'new'}"
    (path,) = (tmp_path / "new").iterdir()
    assert path.name == "cprofile-train-naive-stories-100KB.digest.json"
    digest = json.loads(path.read_text())
    assert digest["raw"] == "cprofile-train-naive-stories-100KB.prof"
    assert digest["code_sha256"] == TARGETS["train"].code_digest("naive")


def test_listing_names_all(capsys: Capture) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in (*NAMES, *TARGETS, "stories-5MB"):
        assert name in out
