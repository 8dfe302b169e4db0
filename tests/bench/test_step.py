"""The benchmark of a training step: it refuses to time models that differ, and says ratios with their spread."""

import hashlib
import sys
from pathlib import Path

import pytest
import torch

from bench.__main__ import main
from bench.code import module_digest
from bench.record import read
from bench.step.shapes import SMALL, batch_of
from bench.step.sides import make_sides
from bench.step.timing import ratio, report, stepper, take_turns, verify
from impls import MergelabError
from lm.models.gpt2 import GPT2Config

TINY = GPT2Config(
    vocab_size=50, context_length=16, d_model=16, n_layers=2, n_heads=2, d_ff=32, qkv_bias=True, activation="gelu"
)
CPU = torch.device("cpu")


def test_all_sides_compute_the_same() -> None:
    pytest.importorskip("transformers")
    x, y = batch_of(TINY, 3, 16, CPU)
    exact, tanh = make_sides(TINY, CPU, compiled=False)
    assert [side.name for side in exact] == ["ours", "nanoGPT", "ours, reference"]
    assert [side.name.split()[0] for side in tanh] == ["ours", "transformers"]
    assert verify(exact, x, y) == pytest.approx([exact[0].loss(x, y).item()] * 3, rel=1e-4)
    verify(tanh, x, y)
    with torch.no_grad():
        next(exact[1].model.parameters()).mul_(3.0)
    with pytest.raises(MergelabError, match=r"nanoGPT: the loss is .* nothing is timed"):
        verify(exact, x, y)


def test_all_sides_take_the_same_step() -> None:
    x, y = batch_of(TINY, 3, 16, CPU)
    exact, _ = make_sides(TINY, CPU, compiled=False)
    samples = take_turns({side.name: stepper(side, x, y, "fp32") for side in exact}, rounds=4)
    assert {name: len(seconds) for name, seconds in samples.items()} == {side.name: 4 for side in exact}
    losses = [side.loss(x, y).item() for side in exact]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-4)


def test_ratios_run_from_bad_quartiles_to_good_ones() -> None:
    middle, low, high = ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (middle, low, high) == (2.0, 3 / 2.5, 5 / 1.5)
    lines = list(report({"ours": [1.0, 2.0, 3.0], "theirs": [2.0, 4.0, 6.0]}, 120))
    assert lines[0].startswith("ours")
    assert "ours is 2.00x as fast (1.20x .. 3.33x)" in lines[1]


@pytest.mark.slow
def test_a_run_leaves_a_record_with_its_proof(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("transformers")
    words = ["step", "--batch", "2", "--block", "16", "--rounds", "3", "--ops", "--records", str(tmp_path)]
    assert main(words) == 0
    (path,) = tmp_path.iterdir()
    assert str(path) in capsys.readouterr().out
    content = read(path, "step")
    told = [*words[:-1], tmp_path.name]
    assert (content["kind"], content["arguments"], content["device"]) == ("step", told, "cpu")
    assert content["code"] == {"lm.models": module_digest("lm.models")}
    assert content["versions"]["torch"].startswith("2.")
    assert content["machine_info"]["cpu"]["count"] > 0
    assert [run["gelu"] for run in content["models"]] == ["exact GELU", "tanh GELU"]
    x, _ = batch_of(SMALL, 2, 16, CPU)
    for run in content["models"]:
        assert run["ids_sha256"] == hashlib.sha256(x.numpy().tobytes()).hexdigest()
        assert [len(side["samples"]) for side in run["sides"]] == [3] * len(run["sides"])
        assert [side["loss"] for side in run["sides"]] == pytest.approx([run["sides"][0]["loss"]] * len(run["sides"]))
    bars = {side["name"].split()[0]: side["bar"] for run in content["models"] for side in run["sides"]}
    assert bars == {"ours": None, "nanoGPT": 1.0, "ours,": None, "transformers": 1.2}
    assert "linear_cross_entropy" in [row["name"] for row in content["operations"]]
    for row in content["operations"]:
        assert {ops: len(samples) for ops, samples in row["samples"].items()} == {"fused": 3, "reference": 3}
    assert main([*words[:-3], "--records", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rounds", "1"], "--rounds: 1 is too small; give at least 2"),
        (["--batch", "0"], "--batch: 0 is too small"),
        (["--block", "257"], "--block: 257 is above the model's context length 256"),
        (["--model", "gpt5"], "gpt5.yaml: No such file or directory; choose one of gpt2-124m"),
        (["--model", "llama3-2k-4l"], "--model llama3-2k-4l: is not a GPT-2, so nanoGPT has no such model"),
    ],
)
def test_bad_usage_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["step", *words, "--records", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("torch", "step needs PyTorch, which is missing; run `nox -s step`"),
        ("lm.accounting", "step needs lm.accounting, which is missing; run `nox -s step`"),
        ("pytest_benchmark.utils", "pytest_benchmark.utils is not installed; run pip install pytest-benchmark"),
    ],
)
def test_a_package_that_is_missing_is_one_line(
    package: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("bench.step.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["step", "--records", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"python -m bench: error: {message}\n"
    assert not list(tmp_path.iterdir())


def test_without_transformers_the_others_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.warns(UserWarning, match="transformers is not installed and does not take part; pip install"):
        exact, tanh = make_sides(TINY, CPU, compiled=False)
    assert ([side.name for side in tanh], len(exact)) == (["ours"], 3)


def test_a_device_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert main(["step", "--device", "cuda", "--rounds", "2"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m bench: error: ")
    assert error.count("\n") == 1
