"""Configs: every shipped file loads, every wrong value is refused with its file and field."""

from pathlib import Path

import pytest
import yaml

from lm.accounting import count_parameters
from lm.config import ConfigError, RunConfig
from lm.config_files import load, load_run, save_run
from lm.kinds import KINDS
from lm.models.gpt2 import GPT2Config
from lm.models.llama3 import Llama3Config
from tests.support import ROOT

CONFIGS = ROOT / "lm" / "configs"
RUNS = sorted(path.name for path in CONFIGS.glob("*.yaml"))
PARTS = [(kind, path.name) for kind, folder in KINDS.items() for path in sorted((CONFIGS / folder).glob("*.yaml"))]
SMALL = CONFIGS / "stories-small.yaml"


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_shipped_parts_load(kind: str, name: str) -> None:
    assert load(kind, CONFIGS / KINDS[kind] / name).name == Path(name).stem


@pytest.mark.parametrize("name", RUNS)
def test_shipped_runs_load_and_survive_being_written_out(name: str, tmp_path: Path) -> None:
    config = load_run(CONFIGS / name)
    assert config.name == Path(name).stem
    save_run(config, tmp_path / "config.yaml")
    assert load_run(tmp_path / "config.yaml") == config


def test_the_five_kinds_and_the_named_configs_are_there() -> None:
    assert {kind for kind, _ in PARTS} == set(KINDS)
    names = {name for _, name in PARTS}
    assert {"tinystories-8k.yaml", "code-16k.yaml", "gpt2-8k-2l.yaml", "llama3-16k.yaml", "gpt2-124m.yaml"} <= names


def test_parameters_of_the_shipped_models() -> None:
    model = load("model", CONFIGS / "models" / "gpt2-124m.yaml")
    assert isinstance(model, GPT2Config)
    assert count_parameters(model) == 124_439_808
    assert count_parameters(load_run(CONFIGS / "gpt2-124m.yaml").model) == pytest.approx(98e6, rel=0.01)
    assert count_parameters(load("model", CONFIGS / "models" / "gpt2-xl.yaml")) == 1_557_611_200


def test_set_changes_single_values_and_leaves_the_rest() -> None:
    before = load_run(SMALL)
    changes = ["training.max_steps=7", "training.learning_rate=3e-4", "training.sample_prompts=[a, b]"]
    changes += ["dataset.max_documents=null", "model.n_heads=8"]
    after = load_run(SMALL, changes=changes)
    assert (after.training.max_steps, after.training.learning_rate) == (7, 3e-4)
    assert after.training.sample_prompts == ["a", "b"]
    assert after.model.n_heads == 8
    assert after.data == before.data


def test_parts_are_replaced_by_name_path_or_change(tmp_path: Path) -> None:
    by_name = load_run(SMALL, {"model": "llama3-2k-4l"})
    assert isinstance(by_name.model, Llama3Config)
    by_path = load_run(SMALL, {"model": str(CONFIGS / "models" / "llama3-2k-4l.yaml")})
    assert by_path == by_name
    own = tmp_path / "own.yaml"
    own.write_text(SMALL.read_text().replace("model: gpt2-2k-4l", "model: {base: gpt2-2k-4l, n_layers: 2}"))
    (tmp_path / "models").symlink_to(CONFIGS / "models")
    for folder in KINDS.values():
        if folder != "models":
            (tmp_path / folder).symlink_to(CONFIGS / folder)
    assert load_run(own).model.n_layers == 2
    assert load_run(own).model.d_model == 128


BAD = {
    "training.max_steps=many": r"training\.max_steps: .*integer.*'many'",
    "training.max_steps=0": r"training\.max_steps: .*greater than or equal to 1, not 0",
    "training.max_steps=1.5": r"training\.max_steps: .*integer",
    "training.max_steps='5'": r"training\.max_steps: .*integer.*'5'",
    "training.learning_rate=nan": r"training\.learning_rate",
    "training.learning_rate=-1": r"training\.learning_rate",
    "training.min_learning_rate=1.0": r"min_learning_rate: 1\.0 is above learning_rate",
    "training.precision=fp64": r"training\.precision: .*'fp32' or 'bf16'",
    "training.ops=quick": r"training\.ops: .*'reference' or 'fused'",
    "training.device=tpu": r"training\.device",
    "training.compile=1": r"training\.compile: .*bool",
    "training.speed=1": r"training\.speed: no such field",
    "model.n_heads=3": r"model: n_heads: 3 does not divide d_model 128",
    "model.vocab_size=100": r"model\.vocab_size: 100 is below tokenizer\.vocab_size 2048",
    "model.architecture=rnn": r"model: .*'gpt2', 'llama3'",
    "model.residual_dropout=1.0": r"model\.residual_dropout",
    "model.d_model=true": r"model\.d_model: .*integer",
    "data.stride=129": r"data: stride: 129 is above block_size 128",
    "data.block_size=256": r"data\.block_size: 256 is above model\.context_length 128",
    "data.dtype=int8": r"data\.dtype",
    "data.batch_size=null": r"data\.batch_size: .*integer.*None",
    "data.folder=": r"data\.folder",
    "tokenizer.eos_token=<s>": r"tokenizer: eos_token: '<s>' is not among",
    "tokenizer.special_tokens=x": r"tokenizer\.special_tokens: .*list",
    "dataset.source=ftp": r"dataset\.source",
    "dataset.path=''": r"dataset: path: is missing",
    "dataset.validation_share=1": r"dataset\.validation_share",
    "dataset.max_characters=0": r"dataset\.max_characters",
    "nothing=1": r"nothing: no such field",
    "model.n_layers.x=1": r"--set model\.n_layers\.x=1: n_layers has no fields",
    "model.n_layers": r"--set model\.n_layers: is not field=value",
    "model.n_layers=[1": r"--set model\.n_layers=\[1: line 1",
    "name=null": r"name: ",
}


@pytest.mark.parametrize("change", BAD)
def test_a_wrong_value_is_refused_with_its_field(change: str) -> None:
    with pytest.raises(ConfigError, match=BAD[change]) as error:
        load_run(SMALL, changes=[change])
    assert "\n" not in str(error.value)
    assert error.value.exit_status == 2


def test_llama_heads_must_divide() -> None:
    for change, message in {
        "model.n_kv_heads=3": "n_kv_heads: 3 does not divide n_heads 4",
        "model.n_heads=128": "n_kv_heads|odd",
        "model.activation=gelu": "activation: no such field",
    }.items():
        with pytest.raises(ConfigError, match=message):
            load_run(SMALL, {"model": "llama3-2k-4l"}, [change])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "line 1"),
        ("- a\n- b", "no mapping"),
        ("name: a\nname: b", "line 1.*name is there twice|name is there twice"),
        ("? [a]\n: b\n? [a]\n: c", "unhashable key"),
        ("name: x", "dataset: is missing"),
        ("model: {n_layers: !!python/object/apply:os.system ['true']}", "constructor"),
        (b"name: \xff", "unacceptable character|utf"),
        ("", "no mapping"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(text: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=message) as error:
        load_run(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_part_lists_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"models/gpt9\.yaml: No such file.*gpt2-124m"):
        load_run(SMALL, {"model": "gpt9"})


def test_a_run_config_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_run(SMALL).name = "other"


def test_a_saved_run_is_plain_yaml(tmp_path: Path) -> None:
    config = load_run(SMALL)
    save_run(config, tmp_path / "run.yaml")
    assert RunConfig.model_validate(yaml.safe_load((tmp_path / "run.yaml").read_bytes())) == config
