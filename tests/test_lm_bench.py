"""The benchmark of a training step: it refuses to time models that differ, and says ratios with their spread."""

import pytest
import torch

from bench import bench_lm_step as bench
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
    bench.verify(exact, x, y)
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
    assert (middle, low, high) == (2.0, 2 / 3, 6.0)
    lines = list(bench.report({"ours": [1.0, 2.0, 3.0], "theirs": [2.0, 4.0, 6.0]}, 120))
    assert lines[0].startswith("ours")
    assert "ours is 2.00x as fast (0.67x .. 6.00x)" in lines[1]


def test_a_device_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert bench.main(["--device", "cuda"]) == 2
    assert capsys.readouterr().err.startswith("python -m bench.bench_lm_step: error: ")
