"""Configs: five kinds of YAML files, checked by strict models, put together by a run file.

A run file names one config of each kind: a name stands for `<kind's folder>/<name>.yaml` beside the run file, a
mapping for itself, or with `base: name` for a change of that file.
`--set training.max_steps=10` changes a single value last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from impls.errors import UsageError
from impls.storage import atomic_writer

KINDS = {"dataset": "datasets", "tokenizer": "tokenizers", "model": "models", "training": "training", "data": "data"}
"""Field of a run file to folder."""

Size = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


class ConfigError(UsageError):
    """A config does not say what it should: the message names the file and the field."""


class Config(BaseModel):
    """Base of all: unknown keys and values of another type are refused, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DatasetConfig(Config):
    """A text, and how it is cut into documents and into training and validation.

    Attributes:
        source: corpus, a name of `python -m data list`; local, files of yours; hub, files of a data set on a Hugging
            Face hub; tokens, files of ids that `tokenizer` (a folder) turns back into text.
        path: the name, the file, or the `owner/name` on the hub.
        files: split to file: `train`, and `validation` if it exists; for hub files inside the data set.
        bytes: size asked of a corpus; all there is by default.
        text_field: the field of a `.jsonl` file that holds the text of a document.
        separator: what stands between the documents of a text file.
        validation_share: how many documents go to validation when there is no file for it, chosen by content and
            `seed`; of a text without separator, its end.
        max_documents: only the first so many.
        min_characters, max_characters: shorter and longer documents are left out.
    """

    name: Name
    source: Literal["corpus", "local", "hub", "tokens"]
    path: str = ""
    files: dict[Literal["train", "validation"], str] = {}
    tokenizer: str = ""
    bytes: Size | None = None
    text_field: Name = "text"
    separator: Name = "<|endoftext|>"
    validation_share: Share = 0.1
    seed: Annotated[int, Field(ge=0)] = 0
    max_documents: Size | None = None
    min_characters: Annotated[int, Field(ge=0)] = 0
    max_characters: Size | None = None

    @model_validator(mode="after")
    def _check(self) -> DatasetConfig:
        if self.source == "corpus" and not self.path:
            raise ValueError("path: is missing; name a corpus of `python -m data list`")
        if self.source in ("local", "hub", "tokens") and "train" not in self.files:
            raise ValueError("files: has no entry `train`; name the file of the training text")
        if self.source == "hub" and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.path):
            raise ValueError(f"path: {self.path!r} is not a data set; write owner/name")
        if self.source == "tokens" and not self.tokenizer:
            raise ValueError("tokenizer: is missing; name the folder of the tokenizer that made the ids")
        if self.max_characters is not None and self.max_characters < self.min_characters:
            raise ValueError(f"max_characters: {self.max_characters} is below min_characters {self.min_characters}")
        return self


class TokenizerConfig(Config):
    """A vocabulary, trained on the training text unless it is loaded.

    Attributes:
        folder: of a tokenizer to load as it is; by default one is trained and kept beside the ids.
        train_bytes: how much of the training text is used; all by default.
        eos_token: ends a document; the first of the special tokens by default.
    """

    name: Name
    vocab_size: Size = 8192
    special_tokens: list[Name] = ["<|endoftext|>"]
    pattern: Name = "gpt2"
    impl: Name = "auto"
    folder: str = ""
    train_bytes: Size | None = None
    eos_token: Name | None = None

    @model_validator(mode="after")
    def _check(self) -> TokenizerConfig:
        if self.eos_token is not None and self.eos_token not in self.special_tokens:
            raise ValueError(f"eos_token: {self.eos_token!r} is not among special_tokens {self.special_tokens}")
        return self

    @property
    def eos(self) -> str | None:
        """The token that ends a document."""
        return self.eos_token or next(iter(self.special_tokens), None)


class _ModelConfig(Config):
    name: Name = "model"
    vocab_size: Size
    context_length: Size
    d_model: Size
    n_layers: Size
    n_heads: Size
    d_ff: Size
    norm_eps: Rate = 1e-5
    tie_embeddings: bool = True

    def _check_heads(self) -> None:
        if self.d_model % self.n_heads:
            raise ValueError(f"n_heads: {self.n_heads} does not divide d_model {self.d_model}")


class GPT2Config(_ModelConfig):
    """Shape of a GPT-2; `bias` covers all layers but queries, keys and values, which `qkv_bias` does."""

    architecture: Literal["gpt2"] = "gpt2"
    activation: Literal["gelu", "gelu_tanh"] = "gelu_tanh"
    bias: bool = True
    qkv_bias: bool = False
    embedding_dropout: Share = 0.0
    attention_dropout: Share = 0.0
    residual_dropout: Share = 0.0

    @model_validator(mode="after")
    def _check(self) -> GPT2Config:
        self._check_heads()
        return self


class Llama3Config(_ModelConfig):
    """Shape of a Llama 3; every group of n_heads / n_kv_heads query heads shares a key-value head."""

    architecture: Literal["llama3"]
    n_kv_heads: Size
    rope_theta: Rate = 500_000.0

    @model_validator(mode="after")
    def _check(self) -> Llama3Config:
        self._check_heads()
        if self.n_heads % self.n_kv_heads:
            raise ValueError(f"n_kv_heads: {self.n_kv_heads} does not divide n_heads {self.n_heads}")
        if self.d_model // self.n_heads % 2:
            raise ValueError(f"n_heads: heads of width {self.d_model // self.n_heads} are odd; RoPE turns pairs")
        return self


ModelConfig = Annotated[GPT2Config | Llama3Config, Field(discriminator="architecture")]


class TrainingConfig(Config):
    """The loop.

    Attributes:
        max_steps: optimizer steps; a step sees `accumulation` batches.
        warmup_ratio: share of max_steps over which the learning rate grows to `learning_rate`.
        schedule: cosine down to `min_learning_rate`, or constant after the warm-up.
        grad_clip: norm to which gradients are clipped; none by default.
        precision: fp32, or bf16 with parameters in float32.
        tf32: let float32 products on a GPU use TF32.
        compile: use torch.compile; eager when it fails.
        ops: reference, from scratch, or fused.
        device: auto takes a GPU if there is one.
        eval_interval, eval_batches: how often to validate, and on how many batches; all by default.
        checkpoint_interval: steps between numbered checkpoints; `last.pt` is written then and at the end.
        sample_interval, sample_prompts, sample_tokens: how often to generate, from what, how much.
        hellaswag, hellaswag_items: a file of items to score whenever validating, and how many of them.
        tracker: keep metrics in TensorBoard's or Trackio's format as well.
        peak_tflops: what the device can do, for the utilisation; known for common GPUs.
    """

    name: Name = "training"
    max_steps: Size
    learning_rate: Rate = 1e-3
    min_learning_rate: Annotated[float, Field(ge=0)] = 1e-4
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_ratio: Share = 0.05
    optimizer: Literal["adamw", "sgd"] = "adamw"
    beta1: Share = 0.9
    beta2: Share = 0.95
    eps: Rate = 1e-8
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    grad_clip: Rate | None = 1.0
    accumulation: Size = 1
    precision: Literal["fp32", "bf16"] = "fp32"
    tf32: bool = True
    compile: bool = False
    ops: Literal["reference", "fused"] = "fused"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    seed: Annotated[int, Field(ge=0)] = 0
    log_interval: Size = 10
    eval_interval: Size = 100
    eval_batches: Size | None = None
    checkpoint_interval: Size = 100
    sample_interval: Size | None = None
    sample_prompts: list[Name] = ["Once upon a time"]
    sample_tokens: Size = 64
    hellaswag: str = ""
    hellaswag_items: Size = 200
    tracker: Literal["none", "tensorboard", "trackio"] = "none"
    peak_tflops: Rate | None = None

    @model_validator(mode="after")
    def _check(self) -> TrainingConfig:
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate: {self.min_learning_rate} is above learning_rate {self.learning_rate}"
            )
        return self


class DataConfig(Config):
    """Ids on disk and how windows are cut from them.

    Attributes:
        folder: for train.bin, val.bin, metadata.json, the tokenizer and the texts.
        block_size: ids in a window.
        stride: from one ordered window to the next; block_size by default.
        sampling: training windows at random places, or ordered, one behind the other.
        batch_size: windows in a batch, over all processes.
        dtype: of the ids; auto takes uint16 where the vocabulary fits.
        mask_after_eos: leave targets behind the first end of a document in a validation window out of the loss.
        shard_tokens: keep the ids in shards of exactly so many, too; by default only as train.bin and val.bin.
        workers: processes that cut batches; 0 does it in the loop.
        prefetch: batches that each worker prepares.
    """

    name: Name = "data"
    folder: Name
    block_size: Size
    stride: Size | None = None
    sampling: Literal["random", "ordered"] = "random"
    batch_size: Size
    dtype: Literal["auto", "uint16", "uint32"] = "auto"
    mask_after_eos: bool = False
    shard_tokens: Size | None = None
    workers: Annotated[int, Field(ge=0)] = 0
    prefetch: Size = 4

    @model_validator(mode="after")
    def _check(self) -> DataConfig:
        if self.stride is not None and self.stride > self.block_size:
            raise ValueError(f"stride: {self.stride} is above block_size {self.block_size}; ids would be left out")
        return self


class RunConfig(Config):
    """All that a run needs."""

    name: Name
    dataset: DatasetConfig
    tokenizer: TokenizerConfig
    model: ModelConfig
    training: TrainingConfig
    data: DataConfig

    @model_validator(mode="after")
    def _check(self) -> RunConfig:
        if self.data.block_size > self.model.context_length:
            raise ValueError(
                f"data.block_size: {self.data.block_size} is above model.context_length {self.model.context_length}"
            )
        if not self.tokenizer.folder and self.tokenizer.vocab_size > self.model.vocab_size:
            raise ValueError(
                f"model.vocab_size: {self.model.vocab_size} is below tokenizer.vocab_size {self.tokenizer.vocab_size}"
            )
        return self

    def dump(self) -> str:
        """Return YAML with every value written out; `load_run` reads it back to an equal config."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    """YAML as people expect it: `3e-4` is a number, a key that is there twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+"), list("-+0123456789")
)


def parse_yaml(text: str | bytes, source: str) -> Any:
    """Parse YAML to plain values.

    Raises:
        ConfigError: it is not YAML; the message has the line.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{source}:{place} {problem}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = parse_yaml(path.read_bytes(), str(path))
    except OSError as error:
        near = sorted(other.stem for other in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        hint = f"; there are {', '.join(near)}" if near else ""
        raise ConfigError(f"{path}: {error.strerror}{hint}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: invalid UTF-8 at byte {error.start}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds no mapping of fields to values")
    return values


Checked = TypeVar("Checked")


def check(kind: type[Checked] | Any, values: object, source: str) -> Any:
    """Turn plain values into a config.

    Raises:
        ConfigError: with the source, the field, what is wrong with it, and what it is.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        first = faults[0]
        # The names of the two architectures are no fields.
        field = ".".join(str(part) for part in first["loc"] if part not in ("gpt2", "llama3"))
        message = first["msg"].removeprefix("Value error, ")
        given = first["input"]
        if first["type"] not in ("value_error", "missing", "extra_forbidden") and not isinstance(given, dict):
            message += f", not {given!r}"
        if first["type"] == "extra_forbidden":
            message = "no such field"
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise ConfigError(f"{source}: {field + ': ' if field else ''}{message}{more}") from None


_TYPES = {
    "dataset": DatasetConfig,
    "tokenizer": TokenizerConfig,
    "model": ModelConfig,
    "training": TrainingConfig,
    "data": DataConfig,
}


def load(kind: str, path: str | os.PathLike[str]) -> Config:
    """Read one file of a kind: `dataset`, `tokenizer`, `model`, `training` or `data`.

    Raises:
        ConfigError: see `check`; or the file cannot be read.
    """
    config: Config = check(_TYPES[kind], _read(Path(path)), str(path))
    return config


def load_run(
    path: str | os.PathLike[str],
    parts: Mapping[str, str] | None = None,
    changes: Sequence[str] = (),
) -> RunConfig:
    """Read a run file and the files that it names.

    Args:
        path: the run file.
        parts: field to name or path of a config, instead of what the run file says.
        changes: `field.field=value`, the value as in YAML.

    Raises:
        ConfigError: a file is missing, or a value is wrong.
    """
    path = Path(path)
    values = {**_read(path), **(parts or {})}
    for field, folder in KINDS.items():
        part = values.get(field)
        base, own = (part.get("base"), part) if isinstance(part, dict) else (part, {})
        if isinstance(base, str):
            own = {key: value for key, value in own.items() if key != "base"}
            values[field] = _read(_locate(base, path.parent / folder)) | own
    for change in changes:
        _apply(change, values)
    config: RunConfig = check(RunConfig, values, str(path))
    return config


def _locate(name: str, folder: Path) -> Path:
    return Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"


def _apply(change: str, values: dict[str, Any]) -> None:
    field, equals, value = change.partition("=")
    *parents, last = field.strip().split(".")
    if not equals or not last:
        raise ConfigError(f"--set {change}: is not field=value")
    for parent in parents:
        nested = values.setdefault(parent, {})
        if not isinstance(nested, dict):
            raise ConfigError(f"--set {change}: {parent} has no fields")
        values = nested
    values[last] = parse_yaml(value, f"--set {change}")


def save_run(config: RunConfig, path: Path) -> None:
    """Write the config with every value written out."""
    with atomic_writer(path) as file:
        file.write(config.dump().encode())
