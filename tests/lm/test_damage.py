"""Damaged or crafted files: none is loaded unless its content is intact; each is refused in one line."""

import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from impls import MergelabError
from impls.digests import MANIFEST, with_digest, without_digest
from lm.batches import open_data
from lm.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from lm.config import RunConfig
from lm.export import export
from lm.models import build
from lm.step import build_optimizer
from lm.train import train
from lm.trained import Trained, load_trained
from tests.lm.test_demo import SMALL
from tests.lm.test_models import CONFIGS, scrambled
from tests.support.lm_runs import tiny_config, write_sealed


def mutated(content: bytes, generator: random.Random) -> bytes:
    """Truncate or extend the content, or flip 1 to 3 bytes of it."""
    kind = generator.randrange(10)
    if kind == 0:
        return content[: generator.randrange(len(content))]
    if kind == 1:
        return content + generator.randbytes(generator.randint(1, 64))
    changed = bytearray(content)
    for place in generator.sample(range(len(content)), generator.randint(1, 3)):
        changed[place] ^= generator.randint(1, 255)
    return bytes(changed)


def assert_refused(act: Callable[[], object], message: str = ".") -> None:
    with pytest.raises(MergelabError, match=message) as error:
        act()
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 600


def test_no_mutated_checkpoint_is_loaded(finished: Path, tmp_path: Path) -> None:
    content, generator = (finished / "checkpoints" / "last.pt").read_bytes(), random.Random(0)
    path = tmp_path / "last.pt"
    for number in range(150):
        damaged = mutated(content, generator)
        path.write_bytes(damaged)
        assert_refused(lambda: read_checkpoint(path))
        if number % 10 == 0:
            assert_refused(lambda: read_checkpoint(io.BytesIO(damaged)))  # noqa: B023
    path.write_bytes(content)
    assert read_checkpoint(path)["step"] == 8


@pytest.mark.parametrize("place", ["front", "middle", "trailer"])
def test_one_bit_is_enough(place: str, finished: Path, tmp_path: Path) -> None:
    content = bytearray((finished / "checkpoints" / "last.pt").read_bytes())
    content[{"front": 3, "middle": len(content) // 2, "trailer": -1}[place]] ^= 1
    (tmp_path / "a").write_bytes(content)
    assert_refused(lambda: read_checkpoint(tmp_path / "a"), "truncated, changed or not a checkpoint")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    export(Trained(scrambled(CONFIGS["gpt2"]), SMALL, 96), tmp_path / "out")
    return tmp_path / "out"


def test_no_mutated_export_is_loaded(exported: Path) -> None:
    generator = random.Random(1)
    paths = sorted(path for path in exported.rglob("[!.]*") if path.is_file())
    assert {"config.json", "model.safetensors", MANIFEST, "vocab.json"} <= {path.name for path in paths}
    for number in range(100):
        path = paths[number % len(paths)]
        content = path.read_bytes()
        path.write_bytes(mutated(content, generator))
        try:
            load_trained(exported)
        except MergelabError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:  # White space of the manifest does not count.
            assert path.name == MANIFEST
            assert json.loads(path.read_bytes()) == json.loads(content)
        path.write_bytes(content)
    load_trained(exported)


def test_no_mutated_ids_are_trained_on(made: RunConfig, tmp_path: Path) -> None:
    generator, folder = random.Random(2), tmp_path / "data"
    shutil.copytree(made.data.folder, folder)
    config = made.data.model_copy(update={"folder": str(folder)})
    for number in range(100):
        path = folder / ("train.bin", "val.bin", "metadata.json")[number % 3]
        content = path.read_bytes()
        path.write_bytes(mutated(content, generator))
        try:
            open_data(config, 320)
        except MergelabError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert path.name == "metadata.json"
            assert json.loads(path.read_bytes()) == json.loads(content)
        path.write_bytes(content)
    open_data(config, 320)


WIDE = torch.ones(3, dtype=torch.float64).expand(1 << 40, 3)
"""24 bytes on disk, and 24 TiB if it is copied."""

CRAFTED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a step below 0": (lambda state: state | {"step": -5}, "the field step is -5"),
    "a huge step": (lambda state: state | {"step": 10**9}, "was written after step 1000000000"),
    "an endless step": (lambda state: state | {"step": 10**30}, "the field step is 1000"),
    "a step that is a text": (lambda state: state | {"step": "8"}, "the field step is '8'"),
    "a step that is true": (lambda state: state | {"step": True}, "the field step is True"),
    "a list": (lambda state: [state], "is not a checkpoint of a training run"),
    "weights in a list": (lambda state: state | {"model": [1]}, "is not a checkpoint of a training run"),
    "weights that are numbers": (
        lambda state: state | {"model": dict.fromkeys(state["model"], 1)},
        "is not a checkpoint of a training run",
    ),
    "weights of integers": (
        lambda state: state | {"model": {name: value.long() for name, value in state["model"].items()}},
        r"of torch\.int64, not of floats",
    ),
    "huge weights": (lambda state: state | {"model": dict.fromkeys(state["model"], WIDE)}, "is of another model"),
    "no optimizer": (lambda state: state | {"optimizer": None}, "is not a checkpoint of a training run"),
    "an empty optimizer": (lambda state: state | {"optimizer": {}}, "holds the state of another optimizer"),
    "huge moments": (
        lambda state: state | {"optimizer": state["optimizer"] | {"state": {0: {"step": 1, "exp_avg": WIDE}}}},
        "holds the state of another optimizer",
    ),
    "a rate that is a text": (
        lambda state: (
            state
            | {
                "optimizer": state["optimizer"]
                | {"param_groups": [group | {"eps": "x"} for group in state["optimizer"]["param_groups"]]}
            }
        ),
        "holds the state of another optimizer",
    ),
    "generators of nothing": (
        lambda state: state | {"generators": {"cpu": torch.zeros(3), "cuda": 1}},
        "holds states of random generators",
    ),
    "other ids": (lambda state: state | {"ids": {"train": "0"}}, "was trained on other ids"),
    "no settings": (lambda state: state | {"settings": 1}, "holds no settings"),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_a_crafted_checkpoint_is_refused_in_one_line(name: str, home: Path, finished: Path, tmp_path: Path) -> None:
    craft, message = CRAFTED[name]
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "checkpoints" / "last.pt"
    state = read_checkpoint(path)
    path.unlink()
    write_sealed(path, craft(state))
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    assert_refused(lambda: train(tiny_config(home), tmp_path / "run", resume=True), message)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before


CHANGES = {
    "model.residual_dropout": {"model": {"residual_dropout": 0.2}},
    "model.norm_eps": {"model": {"norm_eps": 1e-3}},
    "training.learning_rate": {"training": {"learning_rate": 0.5}},
    "training.weight_decay": {"training": {"weight_decay": 0.5}},
    "training.seed": {"training": {"seed": 5}},
    "training.accumulation": {"training": {"accumulation": 2}},
    "training.precision": {"training": {"precision": "bf16"}},
    "data.batch_size": {"data": {"batch_size": 8}},
    "data.block_size": {"data": {"block_size": 16}},
    "data.sampling": {"data": {"sampling": "ordered"}},
}


@pytest.mark.parametrize("field", CHANGES)
def test_other_settings_are_refused_by_name(field: str, home: Path, finished: Path) -> None:
    config = tiny_config(home, **CHANGES[field])
    named = rf"was trained with {field} .*, not .*; set .* back: only "
    assert_refused(lambda: train(config, finished, resume=True), named)


def test_settings_that_change_no_batch_may_change(home: Path, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    more = {"max_steps": 9, "log_interval": 3, "eval_interval": 9, "sample_interval": None, "sample_tokens": 3}
    config = tiny_config(home, training=more, data={"workers": 1, "prefetch": 2})
    assert train(config, tmp_path / "run", resume=True) == 0
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.pt")["step"] == 9


def test_other_ids_of_the_same_tokenizer_are_refused(home: Path, finished: Path, tmp_path: Path) -> None:
    ids = np.frombuffer((home / "data" / "train.bin").read_bytes(), np.uint16)
    shutil.copytree(home / "data", tmp_path / "data")
    (tmp_path / "data" / "train.bin").write_bytes(ids[::-1].tobytes())
    config = tiny_config(home, data={"folder": str(tmp_path / "data")})
    assert_refused(lambda: train(config, finished, resume=True), r"train\.bin: has changed since it was made")


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2},
        {"dtype": "object"},
        {"dtype": ["uint16"]},
        {"vocab_size": "320"},
        {"eos_id": "0"},
        {"splits": []},
        {"splits": {"train": {"ids": -1}, "val": {"ids": 2**70}}},
        {"digests": {}},
    ],
)
def test_crafted_metadata_are_refused_in_one_line(wrong: dict[str, Any], made: RunConfig, tmp_path: Path) -> None:
    shutil.copytree(made.data.folder, tmp_path / "data")
    path = tmp_path / "data" / "metadata.json"
    values = without_digest(json.loads(path.read_bytes()))
    path.write_text(json.dumps(with_digest(values | wrong)))
    config = made.data.model_copy(update={"folder": str(tmp_path / "data")})
    assert_refused(lambda: open_data(config, 320), r"metadata\.json: is damaged or of another version")


HUGE = {
    "d_model": {"d_model": 2**40, "n_heads": 1},
    "n_layers": {"n_layers": 2**40},
    "vocab_size": {"vocab_size": 2**62},
    "context_length": {"context_length": 2**40},
    "d_ff": {"d_ff": 2**100},
}


@pytest.mark.parametrize("field", HUGE)
@pytest.mark.parametrize("name", ["gpt2", "llama3"])
def test_a_huge_config_costs_nothing(name: str, field: str, tmp_path: Path) -> None:
    export(Trained(scrambled(CONFIGS[name]), SMALL, 96), tmp_path / "out")
    (tmp_path / "out" / MANIFEST).unlink()
    path = tmp_path / "out" / "config.json"
    values = json.loads(path.read_bytes())
    path.write_text(json.dumps(values | {"mergelab": values["mergelab"] | HUGE[field]}))
    assert_refused(lambda: load_trained(tmp_path / "out"))


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"mergelab": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"mergelab": [1]}',
        '{"mergelab": {"architecture": ["gpt2"]}}',
        '{"model_type": "gpt2", "vocab_size": 3, "n_positions": 3, "n_embd": null, "n_layer": 1, "n_head": 1}',
        '{"model_type": ["gpt2"]}',
        '{"model_type": "llama", "rope_parameters": 3}',
        '{"model_type": "gpt2", "vocab_size": ' + "9" * 5000 + "}",
    ],
)
def test_a_crafted_config_is_one_line(content: str, exported: Path) -> None:
    (exported / MANIFEST).unlink()
    (exported / "config.json").write_text(content)
    assert_refused(lambda: load_trained(exported))


def test_an_end_of_documents_that_is_no_id_is_refused(exported: Path) -> None:
    (exported / MANIFEST).unlink()
    path = exported / "config.json"
    values = json.loads(path.read_bytes())
    for wrong in ("96", 95.5, 10**9, [96], True):
        path.write_text(json.dumps(values | {"eos_token_id": wrong}))
        assert_refused(lambda: load_trained(exported), "eos_token_id .* is not an id of the tokenizer")


def test_safetensors_that_lie_are_refused(exported: Path) -> None:
    (exported / MANIFEST).unlink()
    path = exported / "model.safetensors"
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header, rest = json.loads(content[8 : 8 + size]), content[8 + size :]
    first = next(name for name in header if name.endswith("c_attn.weight"))
    lies = [
        {"shape": [2**40, 2**20]},
        {"shape": []},
        {"shape": [header[first]["shape"][0] * header[first]["shape"][1]]},
        {"data_offsets": [0, 2**60]},
        {"dtype": "I32"},
        {"dtype": "X9"},
    ]
    for lie in lies:
        lying = json.dumps(header | {first: header[first] | lie}).encode()
        path.write_bytes(len(lying).to_bytes(8, "little") + lying + rest)
        assert_refused(lambda: load_trained(exported))
    for claimed in (2**63, 10**9, 0):
        path.write_bytes(claimed.to_bytes(8, "little") + content[8:])
        assert_refused(lambda: load_trained(exported))


def test_a_checkpoint_in_a_longer_file_object_is_loaded_from_its_place(home: Path) -> None:
    config = tiny_config(home)
    model, other = build(config.model), build(config.model)
    target = io.BytesIO(b"before")
    target.seek(6)
    save_checkpoint(target, model, build_optimizer(model, config.training), 3)
    target.seek(6)
    assert load_checkpoint(target, other, build_optimizer(other, config.training))["step"] == 3
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)
