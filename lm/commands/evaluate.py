"""`python -m lm evaluate`: print loss, perplexity and bits per byte of a text, and accuracy on HellaSwag."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from impls.errors import UsageError
from lm.commands.options import add_source

if TYPE_CHECKING:
    from lm.trained import Trained


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_source(parser)
    parser.add_argument("--text", type=Path, help="UTF-8 text; by default the validation text of the run")
    parser.add_argument("--hellaswag", type=Path, metavar="FILE", help="items, one JSON object per line")
    parser.add_argument("--items", type=int, help="number of items to score; all by default")


def run(options: Namespace) -> None:
    """Print the scores."""
    from lm.trained import load_trained

    trained = load_trained(options.source)
    if options.hellaswag is None or options.text is not None:
        _print_score(trained, options.text or _validation_text(options.source))
    if options.hellaswag is not None:
        _print_hellaswag(trained, options.hellaswag, options.items)


def _print_score(trained: Trained, text: Path) -> None:
    from lm.evaluate import score_file

    score = score_file(trained.model, trained.tokenizer, text)
    print(
        f"loss {score.loss:.4f} nats per token, perplexity {score.perplexity:.3f}, {score.bits_per_byte:.4f} bits "
        f"per byte; {score.n_targets} tokens, {score.text_bytes} bytes"
    )


def _print_hellaswag(trained: Trained, path: Path, n_items: int | None) -> None:
    from lm.hellaswag import read_items, score_hellaswag

    score = score_hellaswag(trained.model, trained.tokenizer, islice(read_items(path), n_items))
    print(
        f"HellaSwag: {score.n_items} items; right by log-likelihood {score.accuracy:.4f}, per character "
        f"{score.accuracy_by_characters:.4f}, per token {score.accuracy_by_tokens:.4f} (the last one is not "
        "comparable between tokenizers)"
    )


def _validation_text(source: Path) -> Path:
    """Return the validation text of a run."""
    from lm.config_files import load_run
    from lm.trained import run_folder

    config = run_folder(source) / "config.yaml"
    if not config.exists():
        raise UsageError(f"{source}: is not a run with a validation text; give --text FILE")
    return Path(load_run(config).data.folder) / "val.txt"
