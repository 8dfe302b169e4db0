"""The options that several commands have: a config, a trained model, sampling."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from impls.errors import UsageError
from lm.kinds import KINDS

if TYPE_CHECKING:
    from lm.config import RunConfig
    from lm.generate import Sampling


def add_config(parser: ArgumentParser) -> None:
    """Add the options that make a config."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="run file: a YAML file that describes the run")
    for kind, folder in KINDS.items():
        parser.add_argument(
            f"--{kind}", metavar="NAME", help=f"a config of {folder}/, or a file; replaces this part of the run file"
        )
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a single value; may be repeated"
    )


def read_config(options: Namespace, path: Path | None = None) -> RunConfig:
    """Load the config that the options describe.

    Args:
        options: the options that `add_config` adds.
        path: a run file that takes the place of `--config`.

    Raises:
        UsageError: there is no run file, or a value is wrong.
    """
    from lm.config_files import load_run

    path = path or options.config
    if path is None:
        raise UsageError("--config: is missing; give --config FILE")
    parts = {kind: getattr(options, kind) for kind in KINDS if getattr(options, kind)}
    return load_run(path, parts, options.set)


def add_source(parser: ArgumentParser, *, several: bool = False) -> None:
    """Add the argument that names a trained model, or several models."""
    told = "run folder, checkpoint in one, or exported folder"
    parser.add_argument("source", type=Path, nargs="+" if several else None, help=told)


def add_device(parser: ArgumentParser) -> None:
    """Add the option that names a device."""
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, mps, cuda or cuda:N; auto takes a GPU if there is any"
    )


def add_sampling(parser: ArgumentParser) -> None:
    """Add the options of `Sampling`."""
    parser.add_argument("--temperature", type=float, default=0.8, help="0 takes the most likely token")
    parser.add_argument("--top-k", type=int, help="draw only from the most likely tokens, this many")
    parser.add_argument(
        "--top-p", type=float, help="draw only from the most likely tokens that reach this probability together"
    )
    parser.add_argument("--tokens", type=int, default=100, help="largest number of tokens in a sample")
    parser.add_argument("--samples", type=int, default=1, help="number of samples")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first sample; sample i has seed + i")


def read_sampling(options: Namespace) -> Sampling:
    """Return the sampling that the options describe.

    Raises:
        UsageError: a value is out of range.
    """
    from lm.generate import Sampling

    return Sampling(options.temperature, options.top_k, options.top_p, options.tokens, options.samples, options.seed)
