"""What auto takes and why, measurements as data, and compiling ahead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from impls import UsageError, fastest
from impls.contract import Pretokens
from impls.fastest import DEFAULTS, choose, expected_seconds, measurements, pick, pick_trainer
from impls.kernels.compiler import CodeState
from impls.kernels.helpers import JIT
from impls.machine import machine_name
from impls.registry import STAGES

STORED: dict[str, Any] = {
    "machine": machine_name(),
    "source": "0001.json",
    "stages": {
        "count": {"finditer": [[1000, 0.001], [1e6, 1.0]], "jit": [[1e6, 0.5]]},
        "train": {"incremental": [[1e6, 1.0]], "jit": [[1e6, 0.5]]},
        "encode": {"cached": [[1e6, 1.0]], "jit": [[1e6, 0.5]]},
    },
    "start": {"cached_seconds": 2.0, "compile_seconds": 150.0},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MERGELAB_CACHE", str(tmp_path))
    measurements.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True, scope="module")
def read_again() -> Any:
    yield
    measurements.cache_clear()


def set_state(state: CodeState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastest, "code_state", lambda *_: state)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("state", "n_bytes", "compiled"),
    [
        ("loaded", 0, True),
        ("loaded", 100, True),
        ("cached", 100, False),
        ("cached", 100_000_000, True),
        ("absent", 1_000_000, False),
        ("absent", 1_000_000_000, True),
        ("plain", 1_000_000_000, False),
    ],
)
def test_auto_weighs_size_and_state_of_the_code(
    stage: str, state: CodeState, n_bytes: int, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_state(state, monkeypatch)
    assert pick(stage, n_bytes).compiled == compiled


def test_measurements_of_this_machine_decide(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "measurements.json").write_text(json.dumps(STORED))
    set_state("cached", monkeypatch)
    assert pick("count", 3_900_000).name == "finditer"
    impl, reason = choose("count", 4_100_000)
    assert impl.name == "jit"
    assert reason == (
        "jit 4.05 s (2 s to start, code cached), then finditer 4.1 s; measured on this machine: 0001.json"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"machine": "another"},
        {"stages": {}},
        {"stages": STORED["stages"] | {"count": {"jit": [[1e6, 0.5]]}}},
        {"stages": STORED["stages"] | {"count": {"finditer": []}}},
        {"stages": STORED["stages"] | {"count": {"finditer": [[1e6, 0]]}}},
        {"stages": STORED["stages"] | {"count": {"nobody": [[1e6, 1]]}}},
        {"stages": STORED["stages"] | {"count": {"finditer": [["many", 1]]}}},
        {"stages": [1]},
        {"start": {"cached_seconds": None, "compile_seconds": 1}},
    ],
)
def test_measurements_that_cannot_be_used_are_left_alone(folder: Path, change: dict[str, Any]) -> None:
    (folder / "measurements.json").write_text(json.dumps(STORED | change))
    assert measurements() is DEFAULTS


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_a_damaged_file_of_measurements_is_left_alone(folder: Path, content: bytes) -> None:
    (folder / "measurements.json").write_bytes(content)
    assert measurements() is DEFAULTS


def test_times_between_measured_sizes_lie_on_a_line_of_logarithms() -> None:
    points = [(100, 1.0), (10_000, 100.0), (1_000_000, 400.0)]
    assert expected_seconds(points, 10) == pytest.approx(0.1)
    assert expected_seconds(points, 1000) == pytest.approx(10.0)
    assert expected_seconds(points, 100_000) == pytest.approx(200.0)
    assert expected_seconds(points, 2_000_000) == pytest.approx(800.0)


def test_long_pretokens_are_not_for_pure_python(monkeypatch: pytest.MonkeyPatch) -> None:
    set_state("absent", monkeypatch)
    assert pick_trainer(Pretokens.from_mapping({b"a" * 6000: 1}), 6000).compiled
    assert not pick_trainer(Pretokens.from_mapping({b"a" * 20: 1000}), 20_000).compiled


def test_an_unknown_stage_is_an_error() -> None:
    with pytest.raises(UsageError, match="count, train, encode"):
        choose("decode", 1)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "impls", *arguments],
        env=os.environ | {"MERGELAB_CACHE": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_pick_tells_what_auto_takes_and_why(folder: Path) -> None:
    told = run(folder, "pick", "--bytes", "1000")
    assert told.returncode == 0
    assert [line.split(":")[0] for line in told.stdout.splitlines()] == list(STAGES)
    assert all("code absent" in line and "defaults" in line for line in told.stdout.splitlines())
    for arguments in (["--bytes", "-1"], ["--bytes", "1", "--stage", "decode"], ["--bytes", "1", "--pattern", "x"]):
        refused = run(folder, "pick", *arguments)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1


KERNELS_LEFT = """
import sys
from impls.kernels import count, encode, keys, merge
from impls.kernels.compiler import Kernel
from impls.warm import warm

warm("gpt2")
kernels = [kernel for module in (count, encode, keys, merge) for kernel in vars(module).values()]
kernels += [count.COUNT_TEXT["gpt2"], encode.ENCODE_TEXT["gpt2"]]
print([kernel.name for kernel in kernels if isinstance(kernel, Kernel) and kernel.state() != "loaded"])
print("numba" in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="nothing is compiled")
def test_warm_leaves_nothing_to_compile(folder: Path) -> None:
    first = run(folder, "warm", "--pattern", "gpt2")
    assert first.returncode == 0
    assert str(folder) in first.stdout
    left = subprocess.run(
        [sys.executable, "-c", KERNELS_LEFT],
        env=os.environ | {"MERGELAB_CACHE": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert left.stdout == "[]\nFalse\n"
