"""Every tool leaves a raw file and a digest; one that saw nothing says so."""

from __future__ import annotations

import json
import pstats
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.calls import short_path
from bench.child import ROOT, run
from bench.inputs import inputs_of
from impls import MergelabError
from profiles import tools
from profiles.capture import run_tool
from profiles.commands import run as command
from profiles.targets import STEPS, TARGETS, Subject
from profiles.tools import counters, scalene, speedscope, torch
from tests.profiles import ENCODING, NEEDS_TORCH, STEP, TRAINING, why_not

Digest = dict[str, Any]


def check_calls(digest: Digest, raw: Path) -> None:
    check_functions(digest, raw)
    stats = pstats.Stats(str(raw)).stats  # type: ignore[attr-defined]
    ((_, number, own, cumulative, _),) = [row for (_, _, name), row in stats.items() if name == "merge_pair"]
    (row,) = [row for row in digest["functions"] if row["name"] == "merge_pair"]
    assert (row["calls"], row["own"], row["cumulative"]) == (number, own, cumulative)
    assert row["file"] == "impls/train/naive.py"


def check_functions(digest: Digest, raw: Path) -> None:
    del raw
    assert any("merge_pair" in row["name"] or row["name"] == "train" for row in digest["functions"])


def check_allocations(digest: Digest, raw: Path) -> None:
    assert raw.with_suffix(".html").exists()
    assert json.loads(raw.with_suffix(".stats.json").read_text())["total_num_allocations"] > 0
    assert sum(site["bytes"] for site in digest["sites"]) <= digest["peak_bytes"]


def check_memory(digest: Digest, raw: Path) -> None:
    del raw
    assert digest["peak_bytes"] >= max(own + below for _, own, below in digest["memory"]) > 10_000_000


def check_phases(digest: Digest, raw: Path) -> None:
    del raw
    pretokens = inputs_of(ENCODING.row()).pretokens
    assert digest["phases"]["pretokens looked up"] == pretokens.counts.sum()
    assert digest["phases"]["pretokens merged (not seen before)"] == len(pretokens)


def check_counts(digest: Digest, raw: Path) -> None:
    assert [path.name for path in raw.parent.iterdir()] == [raw.name]
    for name, number in digest["compiled"].items():
        assert 0 <= number <= digest["call"][name]
    for part in ("call", "compiled"):
        assert digest[part]["instructions"] > digest[part]["branches"] > digest[part]["mispredicted"] > 0
        # Each pretoken is looked up and its ids written: fewer than ten instructions would be no work.
        assert digest[part]["instructions"] > 10 * digest["repeats"] * digest["units"]
    again = run_tool(tools.load("cachegrind"), ENCODING, raw)
    assert again["compiled"] == pytest.approx(digest["compiled"], rel=0.01)
    assert again["call"]["instructions"] == pytest.approx(digest["call"]["instructions"], rel=0.01)


def check_hardware_counts(digest: Digest, raw: Path) -> None:
    del raw
    assert digest["call"]["instructions"] > 10 * digest["repeats"] * digest["units"]


def check_operators(digest: Digest, raw: Path) -> None:
    events = json.loads(raw.read_text())["traceEvents"]
    assert any(event.get("name") == "aten::mm" and event.get("ph") == "X" for event in events)
    operators = {row["name"]: row for row in digest["functions"]}
    assert operators["aten::mm"]["calls"] == sum(event.get("name") == "aten::mm" for event in events)
    for row in digest["functions"]:
        assert 0 <= row["own"] <= row["cumulative"] * 1.001 + 1e-6
    held = digest["tensor_bytes"]
    for kind in ("parameters", "gradients", "optimizer"):
        assert held["predicted"][kind] == held["measured"][kind] > 0
    assert held["predicted"]["activations"] == pytest.approx(held["measured"]["activations"], rel=0.01)
    assert (held["batch_size"], held["block_size"]) == (16, 128)
    place = {"stage": STEP.stage, "impl": STEP.impl, "workload": STEP.workload, "tool": "torch"}
    assert "bytes predicted" in command.describe({**place, **digest})


def check_lines_of_a_step(digest: Digest, raw: Path) -> None:
    del raw
    assert any(row["file"].startswith("lm/") for row in digest["functions"])


def check_sites_of_a_step(digest: Digest, raw: Path) -> None:
    del raw
    assert any(row["file"].startswith("lm/") for row in digest["sites"])


CASES: dict[str, tuple[Subject, Callable[[Digest, Path], None]]] = {
    "cprofile": (TRAINING, check_calls),
    "scalene": (TRAINING, check_functions),
    "memray": (TRAINING, check_allocations),
    "rss": (TRAINING, check_memory),
    "speedscope": (TRAINING, check_functions),
    "counters": (ENCODING, check_phases),
    "cachegrind": (ENCODING, check_counts),
    "hardware": (ENCODING, check_hardware_counts),
    "torch": (STEP, check_operators),
}

ON_A_STEP = {"scalene": (STEP, check_lines_of_a_step), "memray": (STEP, check_sites_of_a_step)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "subject", "check"),
    [
        pytest.param(name, *case, marks=NEEDS_TORCH if case[0] == STEP else (), id=f"{name}-{case[0].stage}")
        for name, case in (*CASES.items(), *ON_A_STEP.items())
    ],
)
def test_a_tool_leaves_raw_file_and_digest(
    name: str, subject: Subject, check: Callable[[Digest, Path], None], tmp_path: Path
) -> None:
    if reason := why_not(name):
        pytest.skip(f"{name}: {reason}")
    tool = tools.load(name)
    raw = tmp_path / f"x{tool.suffix}"
    digest = run_tool(tool, subject, raw)
    assert raw.stat().st_size > 0
    assert digest["seconds"] > 0
    assert digest["slow_down"] == pytest.approx(digest["seconds"] / digest["seconds_plain"])
    if "functions" in digest:
        own = [row["own"] for row in digest["functions"]]
        assert own == sorted(own, reverse=True)
        assert sum(own) <= digest["own_total"] * (1.001 if name == "torch" else 1.01)
    check(digest, raw)


def test_every_tool_is_a_row_with_runs_that_can_be_made() -> None:
    helpers = {"__init__", "plain", "rows", "tool", "units"}
    modules = {path.stem for path in (ROOT / "profiles" / "tools").glob("*.py")}
    missing = modules - helpers - set(tools.NAMES)
    assert not missing, f"profiles/tools/__init__.py does not name {', '.join(sorted(missing))}; add it to NAMES"
    untested = set(tools.NAMES) - set(CASES)
    assert not untested, f"CASES of this file has no row for {', '.join(sorted(untested))}; say what its digest holds"
    assert set(CASES) == set(tools.NAMES)
    for name in tools.NAMES:
        tool = tools.load(name)
        assert tool.name == name
        assert tool.sees
        assert tool.suffix.startswith(".")
        assert list(tool.suite())
        assert set(tool.stages) <= set(TARGETS)


def test_loading_all_tools_imports_none_of_them() -> None:
    words = "import sys; from profiles import inside, tools; [tools.load(name) for name in tools.NAMES]; "
    words += "print(*{'memray', 'scalene', 'torch', 'pytest'} & set(sys.modules))"
    assert run([sys.executable, "-c", words]).strip() == ""


def test_targets_of_torch_are_the_stages_that_need_it() -> None:
    assert list(torch.TOOL.stages) == list(STEPS)


def test_phases_name_helpers_that_exist() -> None:
    for helper in counters.PHASES.values():
        module, name = helper.split(".")
        assert f"def {name}(" in (counters.KERNELS / f"{module}.py").read_text(), helper


def test_paths_are_those_of_any_machine() -> None:
    assert short_path(f"{ROOT}/impls/errors.py") == "impls/errors.py"
    assert short_path(json.__file__) == "json/__init__.py"
    assert short_path(pytest.__file__) == "pytest/__init__.py"
    assert short_path("/elsewhere/x.py") == "x.py"
    assert short_path("~") == "~"


def test_an_empty_profile_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(MergelabError, match="the profile is empty"):
        scalene.digest(tmp_path / "x.json")
    with pytest.raises(MergelabError, match="the profile is empty"):
        scalene.digest(tmp_path / "missing.json")
    (tmp_path / "x.operators.json").write_text("[]")
    with pytest.raises(MergelabError, match="no operator ran"):
        torch.digest(tmp_path / "x.json")
    with counters.TOOL.context(tmp_path / "x.prof"):
        pass
    with pytest.raises(MergelabError, match="no kernel ran; choose a compiled implementation"):
        counters.digest(tmp_path / "x.prof")
    (tmp_path / "x.json").write_text(json.dumps(speedscope.StackSampler().speedscope("nothing")))
    with pytest.raises(MergelabError, match="no sample was taken"):
        speedscope.digest(tmp_path / "x.json")


def test_speedscope_files_keep_to_the_schema() -> None:
    def busy(n: int) -> int:
        return sum(i * i for i in range(n))

    with speedscope.StackSampler(0.001) as sampler:
        busy(2_000_000)
    file = sampler.speedscope("busy")
    assert file["$schema"] == speedscope.SCHEMA
    (profile,) = file["profiles"]
    assert profile["type"] == "sampled"
    assert profile["unit"] in ("none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes")
    assert {"name", "startValue", "endValue", "samples", "weights"} <= profile.keys()
    assert len(profile["samples"]) == len(profile["weights"]) > 0
    assert profile["endValue"] - profile["startValue"] == pytest.approx(sum(profile["weights"]))
    frames = file["shared"]["frames"]
    assert all(0 <= place < len(frames) for stack in profile["samples"] for place in stack)
    assert all(isinstance(frame["name"], str) and isinstance(frame["line"], int) for frame in frames)
    found = {row["name"].split(".")[-1]: row for row in speedscope.functions_of(json.loads(json.dumps(file)))}
    assert found["busy"]["cumulative"] >= found["<genexpr>"]["own"] > 0


def test_equal_stacks_are_one_and_the_longest_come_first() -> None:
    frames = [{"name": name, "file": "x.py", "line": 1} for name in ("main", "a", "b")]
    profile = {"samples": [[0, 1], [0, 2], [0, 1], []], "weights": [1.0, 1.5, 2.0, 0.25]}
    assert speedscope.stacks_of({"shared": {"frames": frames}, "profiles": [profile]}) == [
        {"stack": ["main", "a"], "seconds": 3.0},
        {"stack": ["main", "b"], "seconds": 1.5},
        {"stack": [], "seconds": 0.25},
    ]
    many = {"samples": [[place] for place in range(99)], "weights": [1.0] * 99}
    kept = speedscope.stacks_of({"shared": {"frames": frames * 33}, "profiles": [many]})
    assert len(kept) == speedscope.MOST_STACKS
