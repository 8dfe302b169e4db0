"""The table of work that is disturbed, and the texts and folders that it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.faults.work import Work
from data import stories

TEXT, SMALL, TOKENIZER, CONFIG, NOTES = "text.txt", "small.txt", "tokenizer", "config.yaml", "out/notes.txt"

TEXT_BYTES = 4_500_000
"""Enough for several ranges, so that processes count them."""

FETCHED = "tinystories-valid"


def works(url: str, record: Path | None) -> list[Work]:
    """Return all kinds of work that faults disturb.

    Args:
        url: the URL of a file for `data fetch`.
        record: a record of the benchmarks for `reports build`; with None, the table has no row for that command.
    """
    train, report = ("-m", "impls", "train"), ("-m", "reports", "build", str(record), "--out", "out/report")
    in_processes = (*train, TEXT, "--vocab-size", "300", "--impl", "incremental", "--workers", "2")
    in_threads = (*train, TEXT, "--vocab-size", "300", "--impl", "jit", "--workers", "2")
    small = (*train, SMALL, "--vocab-size", "2000", "--impl", "incremental", "--workers", "1")
    encode = ("-m", "impls", "encode", TOKENIZER, TEXT, "--force", "--out")
    model = ("-m", "lm", "train", "--config", CONFIG, "--out", "out/run")
    rows = [
        Work("count in processes", (*in_processes, "--out", "out/new", "--force")),
        Work("count in threads", (*in_threads, "--out", "out/old", "--force")),
        Work("train", (*small, "--out", "out/old", "--force")),
        Work("encode a file", (*encode, "out/ids.bin")),
        Work("encode in two sets", (*encode, "out/split.idx", "--validation", "0.2")),
        Work("inspect", ("-m", "impls", "inspect", TOKENIZER, "--file", TEXT, "--html", "out/page.html", "--force")),
        Work("encode to shards", ("-m", "bench.faults.shards", TOKENIZER, TEXT, "out/shards")),
        Work("lm tokenize", ("-m", "lm", "tokenize", "--config", CONFIG), package="torch"),
        Work(
            "lm train", model, ("-m", "lm", "tokenize", "--config", CONFIG),
            ("-m", "lm", "train", "--resume", "out/run"), "out/run/checkpoints/last.pt", "torch",
        ),
        Work("data make", ("-m", "data", "make", "stories", "--bytes", "6MB")),
        Work("data fetch", ("-m", "data", "fetch", FETCHED, "--url", url)),
    ]  # fmt: skip
    return [*rows, Work("reports build", report)] if record else rows


def make_base(folder: Path) -> None:
    """Make the files that all work reads, and files of the user, which no work may change."""
    (folder / "out" / "old").mkdir(parents=True)
    content = b"".join(stories.chunks(TEXT_BYTES, 7))
    (folder / TEXT).write_bytes(content)
    (folder / SMALL).write_bytes(content[:400_000])
    (folder / NOTES).write_text("Somebody's notes.\n")
    (folder / CONFIG).write_text(json.dumps(config()))


def make_tokenizers(folder: Path) -> None:
    """Train two tokenizers, and encode: one tokenizer and the ids are older, and some work replaces them."""
    from impls import Tokenizer
    from impls.formats import mergelab
    from impls.inputs.file import TextFile
    from impls.jobs.ids import Order, encode_to_ids
    from impls.pipeline import train

    for name, size in ((TOKENIZER, 700), ("out/old", 290)):
        trained = train(folder / SMALL, size, ["<|endoftext|>"], impl="incremental", workers=1)
        mergelab.write(folder / name, trained)
    older = Tokenizer.load(folder / "out/old", impl="cached")
    encode_to_ids(older, TextFile.open(folder / SMALL), Order(folder / "out" / "ids.bin"))


def config() -> dict[str, Any]:
    """Return the config of a run of the language-model trainer that takes about a second."""
    return {
        "name": "small",
        "dataset": {"name": "stories", "source": "corpus", "path": "stories", "bytes": 100_000},
        "tokenizer": {"name": "small", "vocab_size": 320},
        "model": {
            "architecture": "gpt2", "vocab_size": 320, "context_length": 32, "d_model": 32, "n_layers": 2,
            "n_heads": 2, "d_ff": 64, "residual_dropout": 0.1,
        },
        "training": {
            "max_steps": 16, "device": "cpu", "log_interval": 1, "eval_interval": 8, "eval_batches": 2,
            "checkpoint_interval": 3, "sample_interval": 8, "sample_tokens": 8,
        },
        "data": {"folder": "out/ids", "block_size": 32, "batch_size": 4, "shard_tokens": 4000},
    }  # fmt: skip
