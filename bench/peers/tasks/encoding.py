"""Tasks of encoding: to an array, to a file, to a list, in small calls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import PATTERN
from bench.peers.tasks.task import Facts, Work, of_ids, task

CALL_BYTES, CALLS = 100, 2_000
"""Length and number of the texts of the small calls."""

LARGE_TEXT_BYTES = 4_000_000
"""Size of a text that makes `impl="auto"` load compiled code."""


def _compiled() -> Any:
    """Return the registry's row of our most advanced encoder."""
    from impls.registry import most_advanced

    return most_advanced("encode", compiled=True)


def _peer_encoder(name: str, tokenizer: str) -> Any:
    """Build a peer's encoder from a tokenizer folder in our format."""
    from impls import Tokenizer
    from impls.peers import load_peer

    return load_peer("encode", name)(Tokenizer.load(tokenizer).definition.vocabulary, PATTERN)


@task(of_ids)
def array_ours(tokenizer: str, path: str, workers: int | None = None) -> Work:
    """Encode bytes in memory to an array with a new encoder, in `workers` threads, one per core by default."""
    from impls import Tokenizer

    vocabulary, data = Tokenizer.load(tokenizer).definition.vocabulary, Path(path).read_bytes()
    encoder = _compiled().load()(vocabulary, PATTERN)
    return lambda: encoder.encode(data, workers=workers)


@task(of_ids)
def array_gigatoken(tokenizer: str, path: str) -> Work:
    """Encode bytes in memory to an array with a new tokenizer, on all cores."""
    encoder, data = _peer_encoder("gigatoken", tokenizer), Path(path).read_bytes()
    return lambda: encoder.encode_unchecked(data)


def of_file(output: Any, _: float) -> Facts:
    """Describe a file of ids, and remove the file."""
    import numpy as np

    path, dtype = output
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = Facts(digest, path.stat().st_size // np.dtype(dtype).itemsize)
    path.unlink()
    return facts


@task(of_file)
def file_ours(tokenizer: str, path: str, output: str) -> Work:
    """Load a tokenizer, encode a file to a file."""

    def work() -> tuple[Path, Any]:
        from impls import Tokenizer

        loaded = Tokenizer.load(tokenizer)
        loaded.encode_file(path, output)
        return Path(output), loaded.id_dtype

    return work


@task(of_file)
def file_gigatoken(tokenizer: str, path: str, output: str, dtype: str) -> Work:
    """Load a tokenizer, encode a file to a file."""

    def work() -> tuple[Path, Any]:
        from impls.peers.files import encode_file_to_file, load_tokenizer

        encode_file_to_file(load_tokenizer(Path(tokenizer) / "tokenizer.json"), path, output, dtype)
        return Path(output), dtype

    return work


@task(of_file)
def stream_ours(tokenizer: str, path: str, output: str, workers: int | None) -> Work:
    """Encode a file to a file with a new tokenizer."""
    from impls import Tokenizer

    loaded = Tokenizer.load(tokenizer, impl=_compiled().name)

    def work() -> tuple[Path, Any]:
        loaded.encode_file(path, output, workers=workers)
        return Path(output), loaded.id_dtype

    return work


@task(of_ids)
def list_ours(tokenizer: str, path: str) -> Work:
    """Encode a string to a list in one thread, with a new tokenizer."""
    from impls import Tokenizer

    loaded, text = Tokenizer.load(tokenizer, impl=_compiled().name), Path(path).read_bytes().decode()
    return lambda: loaded.encode(text, workers=1)


@task(of_ids)
def list_peer(name: str, tokenizer: str, path: str) -> Work:
    """Encode a string to a list, with a new tokenizer."""
    encoder, text = _peer_encoder(name, tokenizer), Path(path).read_bytes().decode()
    return lambda: encoder.encode_str(text)


def _small_texts(path: str) -> list[str]:
    """Cut the beginning of a file into texts of `CALL_BYTES` bytes; characters that would be cut are left out."""
    with Path(path).open("rb") as file:
        data = file.read(CALL_BYTES * CALLS)
    parts = (data[start : start + CALL_BYTES] for start in range(0, len(data), CALL_BYTES))
    return [part.decode(errors="ignore") for part in parts]


def _calls(encode: Callable[[str], list[int]], path: str) -> Work:
    """Return a call that encodes many small texts; each of them was encoded once before."""
    texts = _small_texts(path)
    for text in texts:
        encode(text)
    return lambda: [encode(text) for text in texts]


def of_calls(lists: list[list[int]], seconds: float) -> Facts:
    """Describe the ids of all calls together; the time is the average time of one call."""
    ids = [token for ids in lists for token in ids]
    return of_ids(ids, seconds)._replace(seconds=seconds / len(lists))


@task(of_calls)
def calls_ours(tokenizer: str, path: str) -> Work:
    """Encode small texts with the default implementation, in a process that has encoded a large text before."""
    from impls import Tokenizer

    loaded = Tokenizer.load(tokenizer)
    with Path(path).open("rb") as file:
        loaded.encode(file.read(LARGE_TEXT_BYTES).decode(errors="ignore"))
    return _calls(loaded.encode, path)


@task(of_calls)
def calls_peer(name: str, tokenizer: str, path: str) -> Work:
    """Encode small texts."""
    return _calls(_peer_encoder(name, tokenizer).encode_str, path)
