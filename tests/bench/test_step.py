"""The benchmark of a training step: it refuses to time models that differ, and says ratios with their spread."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
import torch

from bench import bench_lm_step as bench
from bench.proof import module_digest, sources
from impls import MergelabError
from lm.config import GPT2Config

TINY = GPT2Config(
    vocab_size=50, context_length=16, d_model=16, n_layers=2, n_heads=2, d_ff=32, qkv_bias=True, activation="gelu"
)
CPU = torch.device("cpu")


def test_all_sides_compute_the_same() -> None:
    pytest.importorskip("transformers")
    x, y = bench.batch_of(TINY, 3, 16, CPU)
    exact, tanh = bench.make_sides(TINY, CPU, compiled=False)
    assert [side.name for side in exact] == ["ours", "nanoGPT", "ours, reference"]
    assert [side.name.split()[0] for side in tanh] == ["ours", "transformers"]
    assert bench.verify(exact, x, y) == pytest.approx([exact[0].loss(x, y).item()] * 3, rel=1e-4)
    bench.verify(tanh, x, y)
    with torch.no_grad():
        next(exact[1].model.parameters()).mul_(3.0)
    with pytest.raises(MergelabError, match=r"nanoGPT: the loss is .* not timed"):
        bench.verify(exact, x, y)


def test_all_sides_take_the_same_step() -> None:
    x, y = bench.batch_of(TINY, 3, 16, CPU)
    exact, _ = bench.make_sides(TINY, CPU, compiled=False)
    samples = bench.take_turns({side.name: bench.stepper(side, x, y, "fp32") for side in exact}, rounds=4)
    assert {name: len(seconds) for name, seconds in samples.items()} == {side.name: 4 for side in exact}
    losses = [side.loss(x, y).item() for side in exact]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-4)


def test_ratios_run_from_bad_quartiles_to_good_ones() -> None:
    middle, low, high = bench.ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (middle, low, high) == (2.0, 3 / 2.5, 5 / 1.5)
    lines = list(bench.report({"ours": [1.0, 2.0, 3.0], "theirs": [2.0, 4.0, 6.0]}, 120))
    assert lines[0].startswith("ours")
    assert "ours is 2.00x as fast (1.20x .. 3.33x)" in lines[1]


@pytest.mark.slow
def test_a_run_leaves_a_record_with_its_proof(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("transformers")
    words = ["--batch", "2", "--block", "16", "--rounds", "3", "--ops", "--records", str(tmp_path)]
    assert bench.main(words) == 0
    (path,) = tmp_path.iterdir()
    assert str(path) in capsys.readouterr().out
    content = json.loads(path.read_text())
    assert (content["kind"], content["arguments"], content["device"]) == ("lm", words, "cpu")
    assert content["code"] == {"lm.model": module_digest("lm.model")}
    assert content["versions"]["torch"].startswith("2.")
    assert content["machine_info"]["cpu"]["count"] > 0
    assert [run["gelu"] for run in content["models"]] == ["exact GELU", "tanh GELU"]
    x, _ = bench.batch_of(bench.SMALL, 2, 16, CPU)
    for run in content["models"]:
        assert run["ids_sha256"] == hashlib.sha256(x.numpy().tobytes()).hexdigest()
        assert [len(side["samples"]) for side in run["sides"]] == [3] * len(run["sides"])
        assert [side["loss"] for side in run["sides"]] == pytest.approx([run["sides"][0]["loss"]] * len(run["sides"]))
    bars = {side["name"].split()[0]: side["bar"] for run in content["models"] for side in run["sides"]}
    assert bars == {"ours": None, "nanoGPT": 1.0, "ours,": None, "transformers": 1.2}
    assert "linear_cross_entropy" in [row["name"] for row in content["operations"]]
    for row in content["operations"]:
        assert {ops: len(samples) for ops, samples in row["samples"].items()} == {"fused": 3, "reference": 3}
    assert bench.main([*words[:-3], "--records", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_digest_of_the_model_covers_its_operations_and_not_the_loop() -> None:
    names = {path.name for path in sources("lm.model")}
    assert {"gpt2.py", "layers.py", "fused.py", "reference.py", "optim.py"} <= names
    assert not {"train.py", "demo.py", "tokenizer.py"} & names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rounds", "1"], "--rounds: 1 is too small; give at least 2"),
        (["--batch", "0"], "--batch: 0 is too small"),
        (["--block", "257"], "--block: 257 is above the model's context length 256"),
        (["--model", "gpt5"], "gpt5.yaml: No such file or directory; there are gpt2-124m"),
        (["--model", "llama3-2k-4l"], "--model llama3-2k-4l: nanoGPT and transformers' GPT-2 have no such"),
    ],
)
def test_bad_usage_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main([*words, "--records", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_missing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pytest_benchmark.utils", None)
    assert bench.main(["--records", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "python -m bench.bench_lm_step: error: pytest_benchmark.utils is not installed; run nox -s step\n"
    )


def test_a_device_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert bench.main(["--device", "cuda", "--rounds", "2"]) == 2
    assert capsys.readouterr().err.startswith("python -m bench.bench_lm_step: error: ")
