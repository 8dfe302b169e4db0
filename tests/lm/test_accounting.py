"""Parameters, operations and memory: formulas beside what is counted in the model."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lm.accounting import (
    adamw_flops,
    count_parameters,
    forward_flops,
    parameter_table,
    peak_flops,
    predict_memory,
    training_days,
    training_flops_per_token,
)
from lm.memory import DoesNotFitError, largest_batch, measure_memory, report, search
from lm.models import build
from lm.models.gpt2 import GPT2Config
from tests.lm.test_models import CONFIGS
from tests.support.lm_runs import tiny_config

XL = GPT2Config(vocab_size=50257, context_length=1024, d_model=1600, n_layers=48, n_heads=25, d_ff=6400)


@pytest.mark.parametrize("name", CONFIGS)
def test_operations_are_those_that_torch_counts(name: str) -> None:
    config = CONFIGS[name]
    model = build(config, "reference")
    ids = torch.randint(config.vocab_size, (2, 24))
    with FlopCounterMode(display=False) as counter:
        model(ids).sum().backward()
    predicted = 2 * 24 * training_flops_per_token(config, 24)
    assert counter.get_total_flops() == pytest.approx(predicted, rel=1e-6)
    assert predicted == 3 * 2 * sum(forward_flops(config, 24).values())


def test_gpt2_xl_by_the_book() -> None:
    assert count_parameters(XL) == sum(parameter_table(XL).values()) == pytest.approx(1.557e9, rel=1e-3)
    flops = forward_flops(XL, 1024)
    assert flops["feed-forward"] == 48 * 2 * 2 * 1024 * 1600 * 6400
    assert flops["output"] == 2 * 1024 * 1600 * 50257
    assert sum(flops.values()) == pytest.approx(3.5e12, rel=0.01)
    longer = forward_flops(XL, 16_384)
    assert longer["attention scores"] / sum(longer.values()) > flops["attention scores"] / sum(flops.values())
    assert adamw_flops(XL) == 14 * count_parameters(XL)


def test_memory_grows_with_the_batch_and_bounds_it() -> None:
    empty, one, two = (predict_memory(XL, n, 1024) for n in (0, 1, 2))
    assert two.activations - one.activations == one.activations - empty.activations
    assert one.parameters == one.gradients == one.optimizer // 2 == 4 * count_parameters(XL)
    assert empty.total < 80e9 < predict_memory(XL, 11, 1024).total


@pytest.mark.parametrize("model", [{}, {"bias": False}, {"n_layers": 5, "d_ff": 200}, {"tie_embeddings": False}])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_predicted_memory_of_gpt2_is_the_measured(model: dict[str, object], optimizer: str, tmp_path) -> None:
    changes = {"model": {"residual_dropout": 0.0, **model}, "training": {"optimizer": optimizer}}
    config = tiny_config(tmp_path, **changes)
    measured = measure_memory(config)
    predicted = predict_memory(config.model, 4, 32, moments=2 if optimizer == "adamw" else 0)
    for kind in ("parameters", "gradients", "optimizer"):
        assert getattr(predicted, kind) == getattr(measured, kind)
    assert predicted.activations == pytest.approx(measured.activations, rel=0.01)


@pytest.mark.parametrize("n_kv_heads", [1, 2])
def test_predicted_memory_of_llama_is_the_measured(n_kv_heads: int, tmp_path) -> None:
    config = tiny_config(tmp_path)
    llama = CONFIGS["llama3"].model_copy(update={"n_kv_heads": n_kv_heads, "context_length": 32})
    config = config.model_copy(update={"model": llama})
    measured, predicted = measure_memory(config), predict_memory(llama, 4, 32)
    assert predicted.activations == pytest.approx(measured.activations, rel=0.01)
    assert predicted.parameters == measured.parameters


@pytest.mark.parametrize(("room", "limit", "expected"), [(1, 100, 1), (37, 1000, 37), (64, 64, 64), (1000, 50, 50)])
@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError, RuntimeError])
def test_the_largest_batch_is_found(room: int, limit: int, expected: int, error: type[Exception]) -> None:
    def attempt(n: int) -> None:
        assert n <= limit
        if n > room:
            raise error("DefaultCPUAllocator: can't allocate memory")

    assert search(attempt, limit) == expected


def test_no_room_at_all_and_other_errors_are_told() -> None:
    def full(_: int) -> None:
        raise MemoryError

    def broken(_: int) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(DoesNotFitError, match=r"data\.batch_size"):
        search(full, 8)
    with pytest.raises(RuntimeError, match="shapes differ"):
        search(broken, 8)


def test_a_real_step_is_tried(tmp_path) -> None:
    assert largest_batch(tiny_config(tmp_path), 3) == 3


def test_the_report_puts_both_side_by_side(tmp_path) -> None:
    config = tiny_config(tmp_path, model={"residual_dropout": 0.0})
    text = "\n".join(report(config, measure=True, gigabytes=0.1))
    assert f"{count_parameters(config.model):,} parameters" in text
    assert text.count("measured (1.000 of it)") == 5
    assert "windows by prediction" in text


def test_gpt2_xl_takes_its_time(tmp_path) -> None:
    config = tiny_config(tmp_path, data={"batch_size": 1024, "block_size": 32}, training={"max_steps": 400_000})
    xl = config.model_copy(update={"model": XL, "data": config.data.model_copy(update={"block_size": 1024})})
    assert training_days(xl, 19.5) == pytest.approx(5_100, rel=0.02)
    shown = xl.model_copy(update={"training": xl.training.model_copy(update={"peak_tflops": 19.5})})
    assert any("days at half of 19.5 TFLOP/s" in line for line in report(shown))


def test_peak_is_known_or_said_to_be_unknown() -> None:
    assert peak_flops(torch.device("cpu"), "fp32") is None
    assert peak_flops(torch.device("cpu"), "fp32", 0.2) == 0.2e12
