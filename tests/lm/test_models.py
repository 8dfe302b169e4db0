"""GPT-2 and Llama 3: logits of transformers with the same weights, causality, counts, caches."""

import pytest
import torch
from torch.nn import functional as F

from impls.errors import UsageError
from lm.accounting import count_parameters
from lm.config_base import ModelConfig
from lm.models import ARCHITECTURES, architecture_of, build
from lm.models.gpt2 import GPT2Config
from lm.models.llama3 import Llama3Config
from lm.ops import OPS

SHAPE = {"vocab_size": 97, "context_length": 24, "d_model": 32, "n_layers": 3, "n_heads": 4, "d_ff": 80}
GPT2 = GPT2Config(**SHAPE, qkv_bias=True)
LLAMA = Llama3Config(architecture="llama3", **SHAPE, n_kv_heads=2, rope_theta=10_000.0)
CONFIGS = {
    "gpt2": GPT2,
    "gpt2 untied": GPT2.model_copy(update={"tie_embeddings": False}),
    "gpt2 exact": GPT2.model_copy(update={"activation": "gelu"}),
    "gpt2 no bias": GPT2.model_copy(update={"bias": False, "qkv_bias": False}),
    "llama3": LLAMA,
    "llama3 untied": LLAMA.model_copy(update={"tie_embeddings": False}),
    "llama3 one kv head": LLAMA.model_copy(update={"n_kv_heads": 1}),
    "llama3 all kv heads": LLAMA.model_copy(update={"n_kv_heads": 4}),
}
IDS = torch.randint(97, (3, 24), generator=torch.Generator().manual_seed(1))


def scrambled(config: ModelConfig, ops: str = "fused"):
    """A model none of whose weights is trivial."""
    torch.manual_seed(0)
    model = build(config, ops)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def witness(model):
    """The same model in transformers."""
    transformers = pytest.importorskip("transformers")
    row = architecture_of(model.config)
    config = transformers.AutoConfig.for_model(row.model_type, **row.export_config(model.config))
    theirs = transformers.AutoModelForCausalLM.from_config(config)
    missing, unexpected = theirs.load_state_dict(row.export_weights(model), strict=False)
    assert set(missing) <= {"lm_head.weight"}
    assert unexpected == []
    theirs.tie_weights()
    return theirs.eval()


def test_every_architecture_has_a_config_here_and_a_name_of_its_own_in_transformers() -> None:
    missing = ARCHITECTURES.keys() - {config.architecture for config in CONFIGS.values()}
    assert not missing, f"CONFIGS of this file has no config of {', '.join(missing)}; add one, so that it is tested"
    types = [row.model_type for row in ARCHITECTURES.values()]
    twice = {name for name in types if types.count(name) > 1}
    assert not twice, f"model_type {', '.join(twice)} is given by two rows of lm/models; only one of them can load it"


@pytest.mark.parametrize("ops", OPS)
@pytest.mark.parametrize("name", CONFIGS)
def test_logits_loss_and_gradients_are_those_of_transformers(name: str, ops: str) -> None:
    model = scrambled(CONFIGS[name], ops)
    theirs = witness(model)
    torch.testing.assert_close(model(IDS), theirs(IDS).logits, rtol=1e-4, atol=1e-4)
    loss = model(IDS[:, :-1], IDS[:, 1:])
    expected = theirs(IDS, labels=IDS).loss
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    loss.backward()
    expected.backward()
    ours = model.token_embeddings.weight.grad
    wte = theirs.get_input_embeddings().weight.grad
    torch.testing.assert_close(ours, wte, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_survive_the_way_to_transformers_and_back(name: str) -> None:
    model = scrambled(CONFIGS[name])
    row = architecture_of(model.config)
    again, own = row.import_weights(row.export_weights(model), model.config), model.state_dict()
    assert again.keys() == own.keys()
    assert all(torch.equal(again[key], own[key]) for key in own)


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_counted_by_the_formula(name: str) -> None:
    model = build(CONFIGS[name])
    assert sum(p.numel() for p in model.parameters()) == count_parameters(CONFIGS[name])


@pytest.mark.parametrize("name", ["gpt2", "llama3"])
@pytest.mark.parametrize("ops", OPS)
def test_no_position_sees_a_later_one(name: str, ops: str) -> None:
    model = scrambled(CONFIGS[name], ops)
    changed = IDS.clone()
    changed[:, 12:] = (changed[:, 12:] + 1) % 97
    before, after = model(IDS), model(changed)
    torch.testing.assert_close(before[:, :12], after[:, :12])
    assert not torch.isclose(before[:, 12:], after[:, 12:]).all(-1).any()


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("pieces", [[24], [1] * 24, [5, 1, 1, 10, 7]])
def test_a_cache_changes_no_logit(name: str, pieces: list[int]) -> None:
    model = scrambled(CONFIGS[name]).eval()
    caches = model.new_caches()
    with torch.no_grad():
        parts = [model(part, None, caches) for part in IDS.split(pieces, dim=1)]
        torch.testing.assert_close(torch.cat(parts, dim=1), model(IDS), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama3"])
def test_reference_and_fused_models_agree(name: str) -> None:
    ours, fused = (scrambled(CONFIGS[name], ops) for ops in OPS)
    losses = [model(IDS[:, :-1], IDS[:, 1:]) for model in (ours, fused)]
    torch.testing.assert_close(*losses)
    for loss in losses:
        loss.backward()
    for a, b in zip(ours.parameters(), fused.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_state_dict_names_are_the_courses() -> None:
    model = build(LLAMA.model_copy(update={"n_layers": 1}))
    parts = [
        "attn.q_proj",
        "attn.k_proj",
        "attn.v_proj",
        "attn.output_proj",
        "ln1",
        "ln2",
        "ffn.w1",
        "ffn.w2",
        "ffn.w3",
    ]
    names = {f"layers.0.{part}.weight" for part in parts}
    assert set(model.state_dict()) == names | {"token_embeddings.weight", "ln_final.weight", "lm_head.weight"}


def test_queries_keys_and_values_have_no_bias_by_default() -> None:
    assert not [
        name for name in build(GPT2Config(**SHAPE)).state_dict() if name.endswith(("q_proj.bias", "v_proj.bias"))
    ]


def test_too_many_positions_are_an_error() -> None:
    with pytest.raises(UsageError, match="25 positions are more than the context length 24"):
        build(GPT2)(torch.zeros(1, 25, dtype=torch.int64))


def test_dropout_acts_in_training_alone() -> None:
    config = GPT2.model_copy(update={"embedding_dropout": 0.5, "attention_dropout": 0.5, "residual_dropout": 0.5})
    for ops in OPS:
        model = scrambled(config, ops)
        assert not torch.equal(model(IDS), model(IDS))
        assert torch.equal(model.eval()(IDS), model(IDS))


def test_decay_is_for_matrices() -> None:
    model = build(GPT2)
    matrices, rest = model.parameter_groups(0.1)
    assert {p.ndim for p in matrices["params"]} == {2}
    assert {p.ndim for p in rest["params"]} == {1}
    assert len(matrices["params"]) + len(rest["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize("name", ["gpt2", "llama3"])
def test_a_fresh_model_is_about_uniform(name: str) -> None:
    torch.manual_seed(0)
    model = build(CONFIGS[name])
    loss = F.cross_entropy(model(IDS[:, :-1]).flatten(0, 1), IDS[:, 1:].flatten())
    assert loss.item() == pytest.approx(torch.tensor(97.0).log().item(), abs=0.1)
