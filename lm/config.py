"""The five kinds of configs; a run has one config of each kind. Strict pydantic models check the values.

`lm.config_files` reads configs from YAML files. The config class of a model is in the module of the model.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, GetCoreSchemaHandler, TypeAdapter, ValidationError, model_validator
from pydantic_core import CoreSchema, core_schema

from impls.errors import UsageError, shown
from lm.config_base import Config, ModelConfig, Name, Rate, Share, Size
from lm.models import ARCHITECTURES

REWORDED = {
    "missing": "is missing; add this field",
    "extra_forbidden": "no such field; remove it or correct its name",
    "union_tag_not_found": f"architecture: is missing; choose one of {', '.join(ARCHITECTURES)}",
    "union_tag_invalid": "architecture: {tag!r} is unknown; choose one of {expected_tags}",
}
"""Kind of a fault that pydantic finds -> the words of the message."""


class ConfigError(UsageError):
    """A config is not valid: the message names the file and the field."""


class _ByArchitecture:
    """A type for the config of any model: the field `architecture` chooses the config class."""

    @staticmethod
    def __get_pydantic_core_schema__(_: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {name: handler.generate_schema(row.config) for name, row in ARCHITECTURES.items()}
        return core_schema.tagged_union_schema(choices, "architecture")


AnyModelConfig = Annotated[ModelConfig, _ByArchitecture]


class DatasetConfig(Config):
    """A text, and how it is cut into documents and into training and validation.

    Attributes:
        source: `corpus`, a name of `python -m data list`; `local`, files on this machine; `hub`, files of a data set
            on a Hugging Face hub; `tokens`, files of ids, which the tokenizer in the folder `tokenizer` turns back
            into text.
        path: the name of the corpus, or the `owner/name` of the data set.
        files: split -> file or list of files: `train`, and `validation` if it exists; for `hub`, files inside the
            data set. For `tokens`, a file may be a pattern such as `shards/train-*.bin`.
        bytes: size of the corpus; all of it by default.
        text_field: the field of a `.jsonl` file that holds the text of a document.
        separator: the text between two documents of a text file.
        validation_share: share of the documents that go to validation when there is no file for it, chosen by
            content and `seed`; of a text without separators, the share at its end.
        tokenizer_share: share of the documents, chosen by content and `seed`, on which only the tokenizer is trained;
            neither training nor validation has them. With 0, the tokenizer is trained on the training text.
        max_documents: number of documents read from each file; all by default.
        min_characters, max_characters: shorter and longer documents are left out.
    """

    name: Name
    source: Literal["corpus", "local", "hub", "tokens"]
    path: str = ""
    files: dict[Literal["train", "validation"], str | list[str]] = Field(default={})
    tokenizer: str = ""
    bytes: Size | None = None
    text_field: Name = "text"
    separator: Name = "<|endoftext|>"
    validation_share: Share = 0.1
    tokenizer_share: Share = 0
    seed: Annotated[int, Field(ge=0)] = 0
    max_documents: Size | None = None
    min_characters: Annotated[int, Field(ge=0)] = 0
    max_characters: Size | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source == "corpus" and not self.path:
            raise ValueError("path: is missing; name a corpus of `python -m data list`")
        if self.source in ("local", "hub", "tokens") and "train" not in self.files:
            raise ValueError("files: has no entry `train`; name the file of the training text")
        if self.source == "hub" and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.path):
            raise ValueError(f"path: {self.path!r} is not the name of a data set; write owner/name")
        if self.source == "tokens" and not self.tokenizer:
            raise ValueError("tokenizer: is missing; name the folder of the tokenizer that made the ids")
        held_out = 0 if "validation" in self.files else self.validation_share
        if held_out + self.tokenizer_share >= 1:
            raise ValueError(
                f"tokenizer_share: {self.tokenizer_share} and validation_share {held_out} leave no document for "
                "training; give smaller shares"
            )
        if self.max_characters is not None and self.max_characters < self.min_characters:
            raise ValueError(
                f"max_characters: {self.max_characters} is below min_characters {self.min_characters}; "
                "raise max_characters"
            )
        return self

    def file_lists(self) -> dict[str, list[str]]:
        """Return a dict: split -> list of files."""
        return {role: [names] if isinstance(names, str) else names for role, names in self.files.items()}


class TokenizerConfig(Config):
    """A vocabulary; it is trained on the training text unless a tokenizer is loaded.

    Attributes:
        folder: holds a tokenizer to load as it is; by default a tokenizer is trained and kept beside the ids.
        train_bytes: bytes of the training text that are used, from its beginning; all by default.
        disjoint: whether it is an error if a document that the tokenizer was trained on is in the text for training
            or for validation, or if these documents are not known.
        eos_token: ends a document; the first of the special tokens by default.
    """

    name: Name
    vocab_size: Size = 8192
    special_tokens: list[Name] = Field(default=["<|endoftext|>"])
    pattern: Name = "gpt2"
    impl: Name = "auto"
    folder: str = ""
    train_bytes: Size | None = None
    disjoint: bool = False
    eos_token: Name | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.eos_token is not None and self.eos_token not in self.special_tokens:
            raise ValueError(
                f"eos_token: {self.eos_token!r} is not among special_tokens {self.special_tokens}; add it there"
            )
        return self

    @property
    def eos(self) -> str | None:
        """The token that ends a document."""
        return self.eos_token or next(iter(self.special_tokens), None)


class TrainingConfig(Config):
    """The training loop.

    Attributes:
        max_steps: optimizer steps of the run; a step sees `accumulation` batches.
        schedule: `cosine` falls to `min_learning_rate`; `constant` stays at `learning_rate` after the warm-up.
        warmup_ratio: share of `max_steps` over which the learning rate grows to `learning_rate`.
        grad_clip: largest norm of the gradient; a larger gradient is scaled down to it. null switches clipping off.
        precision: `fp32`, or `bf16`, which computes in bfloat16 and keeps the parameters in float32.
        tf32: whether float32 products on a GPU may use TF32.
        compile: whether to use torch.compile; the run stays eager if the compiler fails.
        ops: `reference` (operations written from scratch) or `fused` (PyTorch's kernels).
        device: `auto` takes a GPU if there is one.
        log_interval: steps between two rows of metrics.
        eval_interval, eval_batches: steps between two validations, and batches of each; all batches by default.
        eval_bytes: bytes of validation text on which bits per byte is measured, in whole documents from the first.
        checkpoint_interval: steps between numbered checkpoints; `last.pt` is written with them and at the end.
        keep: number of the newest numbered checkpoints that are kept; all by default.
        sample_interval, sample_prompts, sample_tokens: steps between two samplings, the texts to continue, and the
            largest number of new tokens.
        hellaswag, hellaswag_items: a file of items to score with each validation, and the number of items to score.
        tracker: `tensorboard` or `trackio` keeps the metrics in the format of this program too.
        peak_tflops: peak of the device in 10^12 operations per second, for the utilisation; known for common GPUs.
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
    eval_bytes: Size = 100_000
    checkpoint_interval: Size = 100
    keep: Size | None = None
    sample_interval: Size | None = None
    sample_prompts: list[Name] = Field(default=["Once upon a time"])
    sample_tokens: Size = 64
    hellaswag: str = ""
    hellaswag_items: Size = 200
    tracker: Literal["none", "tensorboard", "trackio"] = "none"
    peak_tflops: Rate | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate: {self.min_learning_rate} is above learning_rate {self.learning_rate}; "
                "lower min_learning_rate"
            )
        return self


class DataConfig(Config):
    """Ids on disk, and how windows are cut from them.

    Attributes:
        folder: the folder for train.bin, val.bin, metadata.json, the tokenizer and the texts.
        block_size: ids in a window.
        stride: ids from the start of an ordered window to the start of the next one; block_size by default.
        sampling: training windows at random places, or ordered, one after the other.
        batch_size: windows in a batch, over all processes.
        dtype: type of the ids on disk; `auto` takes uint16 where the vocabulary fits.
        mask_after_eos: whether the loss of a validation window ignores targets after the first end of a document.
        shard_tokens: ids in each shard that is kept; by default there are only train.bin and val.bin.
        workers: number of processes that cut batches; with 0, the training loop cuts them itself.
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
    def _check(self) -> Self:
        if self.stride is not None and self.stride > self.block_size:
            raise ValueError(
                f"stride: {self.stride} is above block_size {self.block_size}, so ids would be left out; lower stride"
            )
        return self


class RunConfig(Config):
    """A run: one config of each kind."""

    name: Name
    dataset: DatasetConfig
    tokenizer: TokenizerConfig
    model: AnyModelConfig
    training: TrainingConfig
    data: DataConfig

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "/" in self.name or "\0" in self.name or self.name in (".", ".."):
            raise ValueError(f"name: {self.name!r} cannot be the name of a folder in runs/; write a name without /")
        if self.data.block_size > self.model.context_length:
            raise ValueError(
                f"data.block_size: {self.data.block_size} is above model.context_length "
                f"{self.model.context_length}; lower data.block_size"
            )
        if not self.tokenizer.folder and self.tokenizer.vocab_size > self.model.vocab_size:
            raise ValueError(
                f"model.vocab_size: {self.model.vocab_size} is below tokenizer.vocab_size "
                f"{self.tokenizer.vocab_size}; raise model.vocab_size"
            )
        return self


def check(kind: Any, values: object, source: str) -> Any:
    """Turn plain values into a config.

    Args:
        kind: the class of the config, or `AnyModelConfig`.
        values: a mapping, as parsed from YAML or JSON.
        source: where the values come from, for error messages.

    Raises:
        ConfigError: a value is wrong; the message names the source, the field, the fault and the value.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        first = faults[0]
        # Pydantic adds the chosen architecture to the place of a fault, but it is not a field.
        field = ".".join(str(part) for part in first["loc"] if part not in ARCHITECTURES)
        message = first["msg"].removeprefix("Value error, ")
        given = first["input"]
        if first["type"] in REWORDED:
            message = REWORDED[first["type"]].format(**first.get("ctx", {}))
        elif first["type"] != "value_error":
            message += f"{'' if isinstance(given, dict) else f', not {shown(given)}'}; correct this value"
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise ConfigError(f"{source}: {field + ': ' if field else ''}{message}{more}") from None
