"""Generation: what may be drawn, seeds, ends, and a cache that changes nothing."""

import pytest
import torch

from impls import MergelabError
from lm.generate import Sampling, distribution, generate, steps
from tests.lm.test_models import CONFIGS, scrambled

LOGITS = torch.tensor([0.5, 0.1, 0.25, 0.15]).log()
PROMPT = [5, 17, 3]


def shares(**options: object) -> list[float]:
    return [round(share, 4) for share in distribution(LOGITS, Sampling(**options)).tolist()]


def test_distributions_of_a_crafted_case() -> None:
    assert shares() == [0.5, 0.1, 0.25, 0.15]
    assert shares(temperature=0) == [1, 0, 0, 0]
    assert shares(temperature=0.5) == [0.7246, 0.029, 0.1812, 0.0652]
    assert shares(top_k=2) == [0.6667, 0, 0.3333, 0]
    assert shares(top_k=9) == [0.5, 0.1, 0.25, 0.15]
    assert shares(top_p=0.5) == [1, 0, 0, 0]
    assert shares(top_p=0.51) == [0.6667, 0, 0.3333, 0]
    assert shares(top_p=0.75) == [0.6667, 0, 0.3333, 0]
    assert shares(top_p=0.76) == [0.5556, 0, 0.2778, 0.1667]
    assert shares(top_p=1.0) == [0.5, 0.1, 0.25, 0.15]
    assert shares(top_k=3, top_p=0.6) == [0.6667, 0, 0.3333, 0]


def test_ties_go_to_the_smaller_id() -> None:
    for options in ({"temperature": 0}, {"top_k": 1}, {"top_p": 0.01}):
        assert distribution(torch.zeros(50), Sampling(**options)).tolist() == [1.0] + [0.0] * 49


@pytest.mark.parametrize("name", ["gpt2", "llama3", "llama3 one kv head"])
@pytest.mark.parametrize("options", [{"temperature": 0}, {"top_p": 0.9}, {"top_k": 20, "temperature": 1.3}])
def test_the_cache_changes_no_token_also_beyond_the_context(name: str, options: dict[str, float]) -> None:
    model = scrambled(CONFIGS[name])
    sampling = Sampling(**options, max_new_tokens=40, n_samples=3, seed=7)
    with_cache = generate(model, PROMPT, sampling)
    assert with_cache == generate(model, PROMPT, sampling, use_cache=False)
    assert {len(sample) for sample in with_cache} == {40}
    long = list(range(90))
    assert generate(model, long, sampling) == generate(model, long, sampling, use_cache=False)


def test_greedy_is_the_argmax_of_the_model() -> None:
    model = scrambled(CONFIGS["gpt2"]).eval()
    (sample,) = generate(model, PROMPT, Sampling(temperature=0, max_new_tokens=10))
    ids = list(PROMPT)
    for token in sample:
        assert token == int(model(torch.tensor([ids]))[0, -1].argmax())
        ids.append(token)


def test_a_sample_depends_on_its_seed_alone() -> None:
    model = scrambled(CONFIGS["gpt2"])
    three = generate(model, PROMPT, Sampling(n_samples=3, seed=5, max_new_tokens=12))
    assert len({tuple(sample) for sample in three}) == 3
    for number in range(3):
        assert generate(model, PROMPT, Sampling(seed=5 + number, max_new_tokens=12)) == [three[number]]


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_draws_follow_the_distribution(temperature: float) -> None:
    # That which is told, and shown by the demo: not one at another temperature.
    model = scrambled(CONFIGS["gpt2"])
    sampling = Sampling(temperature=temperature, n_samples=3000, top_k=3)
    tokens, probabilities = next(steps(model, PROMPT, sampling))
    expected = probabilities[0][probabilities[0] > 0] * 3000
    counts = torch.bincount(tokens, minlength=97)[probabilities[0] > 0]
    assert counts.sum() == 3000
    assert (counts - expected).abs().max() < 5 * expected.max().sqrt()


def test_a_sample_ends_before_eos() -> None:
    model = scrambled(CONFIGS["gpt2"])
    sampling = Sampling(max_new_tokens=30, n_samples=4, seed=1)
    whole = generate(model, PROMPT, sampling)
    eos = whole[0][9]
    expected = [sample[: sample.index(eos)] if eos in sample else sample for sample in whole]
    assert generate(model, PROMPT, sampling, eos_id=eos) == expected
    assert len(expected[0]) < 10


def test_the_model_is_left_as_it_was() -> None:
    model = scrambled(CONFIGS["gpt2"]).train()
    state = torch.get_rng_state()
    generate(model, PROMPT, Sampling(max_new_tokens=3))
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"temperature": float("nan")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"max_new_tokens": 0},
        {"n_samples": 0},
        {"seed": -1},
    ],
)
def test_parameters_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(MergelabError):
        Sampling(**options)


@pytest.mark.parametrize(("prompt", "message"), [([], "prompt: is empty"), ([3, 97], "id 97 is not below")])
def test_prompts_that_the_model_cannot_take_are_refused(prompt: list[int], message: str) -> None:
    with pytest.raises(MergelabError, match=message):
        generate(scrambled(CONFIGS["gpt2"]), prompt, Sampling())


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_padding_is_never_drawn(temperature: float) -> None:
    # The model likes id 90 and more; a tokenizer has only the ids below.
    model = scrambled(CONFIGS["gpt2"])
    with torch.no_grad():
        model.lm_head.weight[90:] *= 50
    sampling = Sampling(temperature=temperature, max_new_tokens=20, n_samples=3)
    assert any(token >= 90 for sample in generate(model, PROMPT, sampling) for token in sample)
    for sample in generate(model, PROMPT, sampling, known=range(90)):
        assert len(sample) == 20
        assert max(sample) < 90
    for _, probabilities in steps(model, PROMPT, sampling, known=range(90)):
        assert float(probabilities[:, 90:].sum()) == 0
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(3))
