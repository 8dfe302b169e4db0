"""Configs in YAML files: one file for each config, and a run file that names a config of each kind.

In a run file, a name stands for the file `<folder of the kind>/<name>.yaml` in the folder of the run file. A mapping
stands for itself; a mapping with `base: name` stands for the named file with its values changed. `--set
training.max_steps=10` changes a single value, after everything else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from impls import Tokenizer
from impls.storage import atomic_writer
from lm.config import ConfigError, RunConfig, TokenizerConfig, check
from lm.config_base import Config
from lm.kinds import KINDS

AUTO = "auto"
"""The vocabulary size of a model that takes the size from its tokenizer."""

MULTIPLE = 64
"""Vocabularies are padded to a multiple of this, since matrices of such sizes are multiplied faster on a GPU."""

DEFAULT_VOCABULARY = TokenizerConfig.model_fields["vocab_size"].default

DEEPEST = 50
"""The most levels of nesting in a file; a run file has 4."""

MOST_VALUES = 10_000
"""The most keys and values in a file, with the values that an alias repeats; a run file has about 200."""


class _Loader(yaml.SafeLoader):
    """Reads YAML as people expect it: `3e-4` is a number, and a repeated key is an error.

    A small file may describe a huge value; such a file is refused before the value is made.
    """

    def __init__(self, stream: str | bytes) -> None:
        super().__init__(stream)
        self._depth = self._values = 0
        self._sizes: dict[yaml.Node | None, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        repeated, before = self.check_event(yaml.AliasEvent), self._values
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.composer.ComposerError(
                None, None, f"values are nested more than {DEEPEST} deep; remove levels", mark
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        if repeated and node not in self._sizes:
            raise yaml.composer.ComposerError(
                None, None, "this alias stands inside the value that it repeats; remove the alias", mark
            )
        self._values += self._sizes[node] if repeated else 1
        if self._values > MOST_VALUES:
            raise yaml.composer.ComposerError(
                None, None, f"there are more than {MOST_VALUES} values; remove some", mark
            )
        self._sizes.setdefault(node, self._values - before)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):  # Refused below.
                continue
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} is there twice; remove one of the two", node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+"), list("-+0123456789")
)


def parse_yaml(text: str | bytes, source: str) -> Any:
    """Parse YAML to plain values.

    Raises:
        ConfigError: the text is not YAML; the message has the line.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        remedy = "" if "; " in problem else "; correct the YAML"
        raise ConfigError(f"{source}:{place} {problem}{remedy}") from None
    except UnicodeDecodeError:
        raise
    except ValueError as error:  # The value is an impossible date, or a number of too many digits.
        raise ConfigError(f"{source}: {error}; repair the value, or put it in quotes") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: the file cannot be read, or holds no mapping.
    """
    try:
        values = parse_yaml(path.read_bytes(), str(path))
    except OSError as error:
        near = sorted(other.stem for other in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        remedy = f"choose one of {', '.join(near)}" if near else "give the path of a YAML file"
        raise ConfigError(f"{path}: {error.strerror}; {remedy}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: invalid UTF-8 at byte {error.start}; save it as UTF-8") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds no mapping; write a line `field: value` for each field")
    return values


def load(kind: str, path: str | os.PathLike[str]) -> Config:
    """Read a YAML file that holds one config.

    Args:
        kind: a key of `KINDS`.
        path: the file.

    Raises:
        ConfigError: the file cannot be read, or a value is wrong; see `check`.
    """
    kinds = get_type_hints(RunConfig, include_extras=True)
    config: Config = check(kinds[kind], read_yaml(Path(path)), str(path))
    return config


def load_run(
    path: str | os.PathLike[str],
    parts: Mapping[str, str] | None = None,
    changes: Sequence[str] = (),
) -> RunConfig:
    """Read a run file and the files that it names.

    Args:
        path: the run file.
        parts: a dict: kind of config -> name or path of a config that takes the place of the config in the run file.
        changes: `kind.field=value`, the value written as in YAML.

    Raises:
        ConfigError: a file is missing, or a value is wrong.
    """
    path = Path(path)
    values = resolve({**read_yaml(path), **(parts or {})}, list(KINDS), path.parent)
    for change in changes:
        _apply(change, values)
    _size_vocabulary(values)
    config: RunConfig = check(RunConfig, values, str(path))
    return config


def resolve(values: dict[str, Any], kinds: Sequence[str], folder: Path) -> dict[str, Any]:
    """Replace the names of configs by their values.

    Args:
        values: of a file; a config of a kind is a name, a mapping, or a mapping with `base`.
        kinds: keys of `KINDS` that may be names.
        folder: holds the folders of the kinds.

    Raises:
        ConfigError: a named file cannot be read.
    """
    values = dict(values)
    for kind in kinds:
        part = values.get(kind)
        base, own = (part.get("base"), part) if isinstance(part, dict) else (part, {})
        if isinstance(base, str):
            own = {key: value for key, value in own.items() if key != "base"}
            values[kind] = read_yaml(_locate(base, folder / KINDS[kind])) | own
    return values


def _size_vocabulary(values: dict[str, Any]) -> None:
    """Replace `model.vocab_size: auto` by the size of the vocabulary, padded."""
    model, tokenizer = values.get("model"), values.get("tokenizer")
    if not isinstance(model, dict) or model.get("vocab_size") != AUTO or not isinstance(tokenizer, dict):
        return
    folder = tokenizer.get("folder")
    size = max(Tokenizer.load(folder).vocab) + 1 if folder else tokenizer.get("vocab_size", DEFAULT_VOCABULARY)
    values["model"] = model | {"vocab_size": padded(size) if isinstance(size, int) else size}


def padded(size: int) -> int:
    """Return the size of a model's vocabulary for `size` ids: the next multiple of `MULTIPLE`."""
    return -(-size // MULTIPLE) * MULTIPLE


def _locate(name: str, folder: Path) -> Path:
    return Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"


def _apply(change: str, values: dict[str, Any]) -> None:
    field, equals, value = change.partition("=")
    *parents, last = field.strip().split(".")
    if not equals or not last:
        raise ConfigError(f"--set {change}: is not field=value; write for example training.max_steps=10")
    for parent in parents:
        nested = values.setdefault(parent, {})
        if not isinstance(nested, dict):
            raise ConfigError(f"--set {change}: {parent} has no fields; write kind.field=value")
        values = nested
    values[last] = parse_yaml(value, f"--set {change}")


def save_run(config: RunConfig, path: Path) -> None:
    """Write a run file with every value; `load_run` reads an equal config from it.

    Raises:
        FileFormatError: the file cannot be written.
    """
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    with atomic_writer(path) as file:
        file.write(text.encode())
