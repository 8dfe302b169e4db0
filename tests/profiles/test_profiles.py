"""Every tool leaves a raw file and a digest; one that is missing, crashes or says nothing is one line."""

from __future__ import annotations

import importlib.util
import json
import math
import pstats
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.proof import ROOT
from impls.registry import STAGES, implementations
from profiles import __main__ as command
from profiles import exercise, tools
from profiles.phases import PHASES
from profiles.stacks import SCHEMA, StackSampler, functions_of
from profiles.targets import TARGETS, find_workload
from profiles.tools import TOOLS, ToolError, run_tool

# The trainer's stages need PyTorch; tests of them are skipped without it.
NEEDS_TORCH = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")
STEPS = [stage for stage in TARGETS if stage not in STAGES]

HAS = {name: not tool.needs or importlib.util.find_spec(tool.needs) is not None for name, tool in TOOLS.items()}
SMALL = {"stage": "train", "impl": "weighted", "workload": "stories-100KB", "bytes": 20_000}


def test_every_implementation_can_be_profiled() -> None:
    assert {stage: target.impls for stage, target in TARGETS.items() if stage in STAGES} == {
        stage: tuple(row.name for row in implementations(stage)) for stage in STAGES
    }
    for run in command.suite():
        assert run[0] in TOOLS
        assert run[2] in TARGETS[run[1]].impls
        assert find_workload(run[3])
        assert run[1] in (TOOLS[run[0]].stages or TARGETS)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TOOLS if name not in ("counters", "torch")])
def test_a_tool_leaves_raw_file_and_digest(name: str, tmp_path: Path) -> None:
    if not HAS[name]:
        pytest.skip(f"{name} is not installed")
    tool = TOOLS[name]
    raw = tmp_path / f"x{tool.suffix}"
    digest = run_tool(tool, SMALL, raw)
    assert raw.stat().st_size > 0
    assert digest["slow_down"] == pytest.approx(digest["seconds"] / digest["seconds_plain"])
    if "functions" in digest:
        assert any("merge_pair" in row["name"] or row["name"] == "train" for row in digest["functions"])
        own = [row["own"] for row in digest["functions"]]
        assert own == sorted(own, reverse=True)
        assert sum(own) <= digest["own_total"] * 1.01
    if name == "memray":
        assert (tmp_path / "x.html").exists()
        assert json.loads((tmp_path / "x.stats.json").read_text())["total_num_allocations"] > 0
        assert sum(site["bytes"] for site in digest["sites"]) <= digest["peak_bytes"]
    if name == "rss":
        assert digest["peak_bytes"] >= max(own + below for _, own, below in digest["memory"]) > 10_000_000


@pytest.mark.slow
def test_a_profile_of_calls_loads_in_pstats(tmp_path: Path) -> None:
    raw = tmp_path / "x.prof"
    digest = run_tool(TOOLS["cprofile"], SMALL, raw)
    stats = pstats.Stats(str(raw)).stats  # type: ignore[attr-defined]
    ((_, number, own, cumulative, _),) = [row for (_, _, name), row in stats.items() if name == "merge_pair"]
    (row,) = [row for row in digest["functions"] if row["name"] == "merge_pair"]
    assert (row["calls"], row["own"], row["cumulative"]) == (number, own, cumulative)
    assert row["file"] == "impls/train/naive.py"


@pytest.mark.slow
def test_counters_count_what_the_stage_put_out(tmp_path: Path) -> None:
    order = {**SMALL, "stage": "encode", "impl": "jit"}
    digest = run_tool(TOOLS["counters"], order, tmp_path / "x.prof")
    from bench.cases import inputs

    pretokens = inputs(find_workload("stories-100KB", 20_000)).pretokens
    assert digest["phases"]["pretokens looked up"] == pretokens.counts.sum()
    assert digest["phases"]["pretokens merged (not seen before)"] == len(pretokens)


def test_targets_of_torch_are_the_stages_that_need_it() -> None:
    assert list(TOOLS["torch"].stages) == STEPS
    assert [stage for stage in TARGETS if TARGETS[stage].tensor_bytes] == STEPS


@pytest.mark.slow
@NEEDS_TORCH
def test_implementations_of_a_step_train_the_same_shipped_model_on_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from profiles import step

    monkeypatch.setattr(step, "STEPS", 2)
    workload = find_workload("stories-100KB", 20_000)
    losses: dict[str, list[list[float]]] = {stage: [] for stage in STEPS}
    threads, take = torch.get_num_threads(), step.optimizer_step
    for stage in STEPS:
        for impl in TARGETS[stage].impls:
            found: list[float] = []

            def noted(*arguments: Any, found: list[float] = found) -> Any:
                loss, norm = take(*arguments)
                found.append(float(loss))
                return loss, norm

            monkeypatch.setattr(step, "optimizer_step", noted)
            TARGETS[stage].prepare(impl, workload, threads)()
            losses[stage].append(found)
    for reference, fused in losses.values():
        assert len(reference) == 2
        assert reference == pytest.approx(fused, rel=1e-4)
        assert reference[0] == pytest.approx(math.log(320), rel=0.05)
    assert step.config_of("gpt2-2k-4l", "fused", 320).model.n_layers == 4


@pytest.mark.slow
@NEEDS_TORCH
def test_the_profiler_of_torch_leaves_a_trace_operators_and_predicted_memory(tmp_path: Path) -> None:
    order = {"stage": "gpt2-step", "impl": "fused", "workload": "stories-100KB", "bytes": 20_000}
    raw = tmp_path / "x.trace.json"
    digest = run_tool(TOOLS["torch"], order, raw)
    events = json.loads(raw.read_text())["traceEvents"]
    assert any(event.get("name") == "aten::mm" and event.get("ph") == "X" for event in events)
    operators = {row["name"]: row for row in digest["functions"]}
    assert operators["aten::mm"]["calls"] == sum(event.get("name") == "aten::mm" for event in events)
    for row in digest["functions"]:
        assert 0 <= row["own"] <= row["cumulative"] * 1.001 + 1e-6
    own = [row["own"] for row in digest["functions"]]
    assert own == sorted(own, reverse=True)
    assert sum(own) <= digest["own_total"] * 1.001
    held = digest["tensor_bytes"]
    for kind in ("parameters", "gradients", "optimizer"):
        assert held["predicted"][kind] == held["measured"][kind] > 0
    assert held["predicted"]["activations"] == pytest.approx(held["measured"]["activations"], rel=0.01)
    assert (held["batch_size"], held["block_size"]) == (16, 128)
    assert "bytes predicted" in command.describe({**order, "tool": "torch", **digest})


@pytest.mark.slow
@NEEDS_TORCH
@pytest.mark.parametrize("name", ["scalene", "memray"])
def test_other_tools_look_into_a_step_too(name: str, tmp_path: Path) -> None:
    if not HAS[name]:
        pytest.skip(f"{name} is not installed")
    order = {"stage": "gpt2-step", "impl": "fused", "workload": "stories-100KB", "bytes": 20_000}
    digest = run_tool(TOOLS[name], order, tmp_path / f"x{TOOLS[name].suffix}")
    assert digest["seconds"] > 0
    rows = digest["functions" if name == "scalene" else "sites"]
    assert any(row["file"].startswith("lm/") for row in rows)


def test_without_torch_the_suite_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    told = "gpt2-step: needs PyTorch: pip install '.[lm]'"
    words = ["run", "--tool", "torch", "--stage", "gpt2-step", "--impl", "fused", "--captures", str(tmp_path)]
    assert command.main(words) == 1
    assert capsys.readouterr().err == f"python -m profiles: error: {told}\n"
    runs = [("torch", "gpt2-step", "fused", "stories-100KB"), ("cprofile", "count", "findall", "stories-100KB")]
    monkeypatch.setattr(command, "suite", lambda: iter(runs))
    monkeypatch.setattr(command, "run_tool", lambda *_: {"slow_down": 1.0})
    assert command.main(["suite", "--captures", str(tmp_path / "c"), "--records", str(tmp_path / "r")]) == 1
    (path,) = (tmp_path / "r").iterdir()
    content = json.loads(path.read_text())
    assert [(row["stage"], row["error"]) for row in content["failures"]] == [("gpt2-step", told)]
    assert [row["stage"] for row in content["digests"]] == ["count"]


def test_phases_name_helpers_that_exist() -> None:
    for helper in PHASES.values():
        module, name = helper.split(".")
        assert f"def {name}(" in (ROOT / "impls" / "kernels" / f"{module}.py").read_text(), helper


def test_speedscope_files_keep_to_the_schema() -> None:
    def busy(n: int) -> int:
        return sum(i * i for i in range(n))

    with StackSampler(0.001) as sampler:
        busy(2_000_000)
    file = sampler.speedscope("busy")
    assert file["$schema"] == SCHEMA
    (profile,) = file["profiles"]
    assert profile["type"] == "sampled"
    assert profile["unit"] in ("none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes")
    assert {"name", "startValue", "endValue", "samples", "weights"} <= profile.keys()
    assert len(profile["samples"]) == len(profile["weights"]) > 0
    assert profile["endValue"] - profile["startValue"] == pytest.approx(sum(profile["weights"]))
    frames = file["shared"]["frames"]
    assert all(0 <= place < len(frames) for stack in profile["samples"] for place in stack)
    assert all(isinstance(frame["name"], str) and isinstance(frame["line"], int) for frame in frames)
    found = {row["name"].split(".")[-1]: row for row in functions_of(json.loads(json.dumps(file)))}
    assert found["busy"]["cumulative"] >= found["<genexpr>"]["own"] > 0


def test_a_tool_that_is_not_installed_is_one_line(tmp_path: Path) -> None:
    missing = replace(TOOLS["memray"], needs="no_such_package")
    with pytest.raises(ToolError, match="memray: not installed; `pip install no_such_package`"):
        run_tool(missing, SMALL, tmp_path / "x.bin")


def test_an_empty_profile_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ToolError, match="scalene: it wrote an empty profile"):
        tools.lines_digest(tmp_path / "x.json")
    with pytest.raises(ToolError, match="empty profile"):
        tools.lines_digest(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit('it broke')", "t: it broke"),
        ("import os; os.abort()", "t: ended with status -6"),
        ("1 / 0", "t: ZeroDivisionError: division by zero"),
    ],
)
def test_a_tool_that_crashes_is_one_line(code: str, message: str) -> None:
    with pytest.raises(ToolError) as error:
        tools.run_process([sys.executable, "-c", code], "t")
    assert str(error.value) == message


def test_a_tool_that_hangs_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "TIMEOUT", 0.2)
    with pytest.raises(ToolError, match="no end after"):
        tools.run_process([sys.executable, "-c", "import time; time.sleep(9)"], "t")


def test_a_tool_that_says_nothing_is_one_line() -> None:
    with pytest.raises(ToolError, match="said nothing"):
        tools.report_of("hello\n", "t")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--stage", "train", "--impl", "naive", "--tool", "torch"],
            "--tool torch: cannot look into train, only into",
        ),
        (["--stage", "train", "--impl", "fast"], "no implementation 'fast' of train; there are naive"),
        (["--stage", "train", "--impl", "naive", "--workload", "w"], "no workload 'w'; there are stories-100KB"),
        (["--stage", "train", "--impl", "naive", "--workload", "stories-5MB"], "hours on 5 MB"),
    ],
)
def test_a_target_that_cannot_be_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["run", "--tool", "cprofile", *words, "--captures", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_failed_run_is_recorded_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [("memray", "count", "findall", "stories-100KB"), ("cprofile", "count", "findall", "stories-100KB")]

    def run_or_fail(tool: tools.Tool, order: dict[str, object], raw: Path) -> dict[str, object]:
        if tool.name == "memray":
            raise ToolError("memray: it\nbroke")
        return {"slow_down": 1.0, "raw": raw.name, **order}

    monkeypatch.setattr(command, "suite", lambda: iter(runs))
    monkeypatch.setattr(command, "run_tool", run_or_fail)
    assert command.main(["suite", "--captures", str(tmp_path / "c"), "--records", str(tmp_path / "r")]) == 1
    assert "count/findall on stories-100KB: memray: it broke\n" in capsys.readouterr().err
    (path,) = (tmp_path / "r").iterdir()
    content = json.loads(path.read_text())
    assert [row["tool"] for row in content["digests"]] == ["cprofile"]
    assert content["failures"][0]["error"] == "memray: it broke"
    assert command.main(["suite", "--only", "perf"]) == 2


def test_listing_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["list"]) == 0
    out = capsys.readouterr().out
    for name in (*TOOLS, *TARGETS, "stories-5MB"):
        assert name in out


def test_exercise_computes_a_forward_pass(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    layers = exercise.make_layers([3, 5, 2])
    x = np.array([[1, -2, 0.5]], np.float32)
    hidden = x.astype(np.float64) @ layers[0][0] + layers[0][1]
    hidden = 0.5 * hidden * (1 + np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3)))
    expected = hidden @ layers[1][0] + layers[1][1]
    for activate in exercise.GELU.values():
        assert exercise.forward(x, layers, activate) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert exercise.operations(4, [3, 5, 2]) == 2 * 4 * (15 + 10)
    assert exercise.main(["--batch", "4", "--layers", "3,5,2", "--passes", "1"]) == 0
    assert "4 x 2" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        exercise.main(["--layers", "3"])
    assert "at least two widths" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not (HAS["scalene"] and HAS["memray"]), reason="scalene or memray is not installed")
def test_commands_of_the_exercise_run(tmp_path: Path) -> None:
    lines = [line.strip() for line in (exercise.__doc__ or "").splitlines() if line.strip().startswith("python -m")]
    assert len(lines) == 7
    for line in lines:
        words = line.replace("mlp.", f"{tmp_path}/mlp.").split()
        if words[2] != "memray" or words[3] == "run":
            words = [{"300": "40"}.get(word, word) for word in words] + (
                [] if words[2] == "scalene" else ["--passes", "2"]
            )
        done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr)
    assert json.loads((tmp_path / "mlp.json").read_text())
    assert (tmp_path / "mlp.html").exists()
