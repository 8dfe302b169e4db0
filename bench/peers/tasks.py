"""The work that is timed, each piece in a process of its own: `python -m bench.peers.tasks JSON`.

A task prepares (not timed), then works (timed), then its output is digested (not timed). The clock of a task that is
measured as a whole process starts before that process does. So nothing is imported here that a task does not need:
each side pays for its own imports and for no other's.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from bench.child import answer, peak_rss

SPECIAL_TOKENS = ["<|endoftext|>"]

PATTERN = "gpt2"

CALL_BYTES, CALLS = 100, 2_000
"""Length and number of the texts of the small calls."""

LARGE_TEXT_BYTES = 4_000_000
"""A text that makes `impl="auto"` load compiled code."""

Pairs = list[tuple[bytes, bytes]]


class Facts(NamedTuple):
    """What an output is checked by; `seconds` replaces the measured time where the output carries a better one.

    `n` counts merges, unique pretokens or ids; `n_bytes` is the size of the arrays, where it is asked for.
    """

    digest: str
    n: int
    n_bytes: int = 0
    seconds: float | None = None


Work = Callable[[], Any]


class Task(NamedTuple):
    """`prepare(**arguments)` returns what is timed; `facts(output, seconds)` reads its output afterwards."""

    prepare: Callable[..., Work]
    facts: Callable[[Any, float], Facts]


def sha256(parts: Iterable[bytes]) -> str:
    """Hash byte strings with their lengths, so that their borders count."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def merges_facts(merges: Pairs, seconds: float | None = None) -> Facts:
    """Describe merges."""
    return Facts(sha256(token for pair in merges for token in pair), len(merges), seconds=seconds)


def ids_facts(ids: Any, seconds: float | None = None) -> Facts:
    """Describe ids: a list, or an array of any integer type."""
    import numpy as np

    array = np.asarray(ids, np.uint32)
    return Facts(hashlib.sha256(array.data).hexdigest(), len(array), array.nbytes, seconds)


def train_ours(path: str, vocab_size: int, impl: str, tie_break: str) -> Work:
    """Train from a file to merges."""

    def work() -> Pairs:
        from impls import train_bpe

        _, merges = train_bpe(path, vocab_size, SPECIAL_TOKENS, pattern=PATTERN, impl=impl, tie_break=tie_break)  # type: ignore[arg-type]
        return merges

    return work


def train_peer(name: str, path: str, vocab_size: int, tie_break: str, expression: str) -> Work:
    """Train from a file to what the peer returns; the trainer comes with it, to read the merges.

    The expression of the pattern is handed over so that a whole process need not import `regex` to look it up.
    """

    def work() -> Any:
        from impls.peers import load_peer

        trainer = load_peer("train", name)()
        pattern = PATTERN if trainer.patterns else expression
        request = trainer.request(path, vocab_size, SPECIAL_TOKENS, pattern, tie_break)
        return trainer, trainer.learn(request)

    return work


def peer_merges(output: Any) -> Pairs:
    """Read the merges from the output of `train_peer`."""
    trainer, learned = output
    merges: Pairs = trainer.merges(learned)
    return merges


def merges_ours(path: str, vocab_size: int) -> Work:
    """Train from pretokens, counted before, to merges in the form of `train_bpe`."""
    from impls.registry import find

    pretokens = count_ours(path, None)()
    train = find("train", "jit").load()
    n_merges = vocab_size - 256 - len(SPECIAL_TOKENS)

    def work() -> Pairs:
        merges = train(pretokens, n_merges=n_merges, tie_break="huggingface")
        tokens = merges.token_bytes()
        return [(tokens[left], tokens[right]) for left, right in zip(merges.left, merges.right, strict=True)]

    return work


def count_ours(path: str, workers: int | None) -> Work:
    """Count the pretokens of a file."""
    from impls.inputs.file import TextFile
    from impls.registry import find

    count = find("count", "jit").load()
    n_workers = workers or len(os.sched_getaffinity(0))
    return lambda: count(TextFile.open(path), pattern=PATTERN, special_tokens=SPECIAL_TOKENS, workers=n_workers)


def tables_ours(path: str, vocab_size: int) -> Work:
    """Measure what training keeps of each unique pretoken: a hash table a thread, arrays of the merge loop."""
    from impls.kernels.keys import WORDS
    from impls.train.jit import initial_state

    def work() -> int:
        pretokens = count_ours(path, None)()
        entries = 1 << (2 * len(pretokens)).bit_length()
        hash_tables = len(os.sched_getaffinity(0)) * 8 * WORDS * entries
        state = initial_state(pretokens, vocab_size - 256 - len(SPECIAL_TOKENS), "huggingface")
        return hash_tables + sum(array.nbytes for array in state)

    return work


def tables_facts(n_bytes: int, _: float) -> Facts:
    """Describe the size of the tables."""
    return Facts(str(n_bytes), 1, n_bytes)


def pretokens_facts(pretokens: Any, _: float) -> Facts:
    """Describe pretokens."""
    size = pretokens.bytes_.nbytes + pretokens.offsets.nbytes + pretokens.counts.nbytes
    return Facts(pretokens.digest(), len(pretokens), size)


def count_gigatoken(path: str) -> Work:
    """Count the pretokens of a file and learn one merge; its own clock tells the counting from the rest."""
    from impls.peers.output import with_output

    train = train_peer("gigatoken", path, 257 + len(SPECIAL_TOKENS), "huggingface", "")

    def work() -> Any:
        _, learned = train()
        return path, learned, with_output

    return work


def gigatoken_counts(output: Any, _: float) -> Facts:
    """Describe what it counts, by counting once more with the result as a list."""
    from gigatoken.gigatoken_rs import pretokenized_counts

    from impls.contract import Pretokens

    path, learned, with_output = output
    counts, _ = with_output(lambda: pretokenized_counts(Path(path).read_bytes(), SPECIAL_TOKENS[0].encode()))
    pretokens = Pretokens.from_mapping({bytes(pretoken): count for pretoken, count in counts})
    return pretokens_facts(pretokens, 0)._replace(seconds=learned.counting_seconds())


def array_ours(tokenizer: str, path: str, workers: int | None = None) -> Work:
    """Encode bytes in memory to an array, with a new encoder and all cores, or so many threads."""
    from impls import Tokenizer
    from impls.registry import find

    vocabulary, data = vocabulary_of(Tokenizer.load(tokenizer)), Path(path).read_bytes()
    encoder = find("encode", "jit").load()(vocabulary, PATTERN)
    return lambda: encoder.encode(data, workers=workers)


def array_gigatoken(tokenizer: str, path: str) -> Work:
    """Encode bytes in memory to an array, with a new tokenizer and all cores."""
    encoder, data = peer_encoder("gigatoken", tokenizer), Path(path).read_bytes()
    return lambda: encoder.encode_unchecked(data)


def vocabulary_of(tokenizer: Any) -> Any:
    """Return the arrays that encoders are built from, special tokens included."""
    return tokenizer.definition.vocabulary


def peer_encoder(name: str, tokenizer: str) -> Any:
    """Build a peer's encoder from a folder of ours."""
    from impls import Tokenizer
    from impls.peers import load_peer

    return load_peer("encode", name)(vocabulary_of(Tokenizer.load(tokenizer)), PATTERN)


def file_ours(tokenizer: str, path: str, output: str) -> Work:
    """Load a tokenizer, encode a file to a file."""

    def work() -> tuple[Path, Any]:
        from impls import Tokenizer

        loaded = Tokenizer.load(tokenizer)
        loaded.encode_file(path, output)
        return Path(output), loaded.id_dtype

    return work


def stream_ours(tokenizer: str, path: str, output: str, workers: int | None) -> Work:
    """Encode a file to a file with a new tokenizer."""
    from impls import Tokenizer

    loaded = Tokenizer.load(tokenizer, impl="jit")

    def work() -> tuple[Path, Any]:
        loaded.encode_file(path, output, workers=workers)
        return Path(output), loaded.id_dtype

    return work


def file_gigatoken(tokenizer: str, path: str, output: str, dtype: str) -> Work:
    """Load a tokenizer, encode a file to a file."""

    def work() -> tuple[Path, Any]:
        from impls.peers.files import encode_file_to_file, load_tokenizer

        encode_file_to_file(load_tokenizer(Path(tokenizer) / "tokenizer.json"), path, output, dtype)
        return Path(output), dtype

    return work


def file_facts(output: Any, _: float) -> Facts:
    """Describe a file of ids, and remove it."""
    import numpy as np

    path, dtype = output
    with path.open("rb") as file:
        facts = Facts(
            hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size // np.dtype(dtype).itemsize
        )
    path.unlink()
    return facts


def list_ours(tokenizer: str, path: str) -> Work:
    """Encode a string to a list in one thread, with a new tokenizer."""
    from impls import Tokenizer

    loaded, text = Tokenizer.load(tokenizer, impl="jit"), Path(path).read_bytes().decode()
    return lambda: loaded.encode(text, workers=1)


def list_peer(name: str, tokenizer: str, path: str) -> Work:
    """Encode a string to a list, with a new tokenizer."""
    encoder, text = peer_encoder(name, tokenizer), Path(path).read_bytes().decode()
    return lambda: encoder.encode_str(text)


def small_texts(path: str) -> list[str]:
    """Return the beginning of a file in texts of `CALL_BYTES` bytes, less where a character is cut."""
    with Path(path).open("rb") as file:
        data = file.read(CALL_BYTES * CALLS)
    parts = (data[start : start + CALL_BYTES] for start in range(0, len(data), CALL_BYTES))
    return [part.decode(errors="ignore") for part in parts]


def calls(encode: Callable[[str], list[int]], path: str) -> Work:
    """Encode many small texts after all of them were seen once."""
    texts = small_texts(path)
    for text in texts:
        encode(text)
    return lambda: [encode(text) for text in texts]


def calls_ours(tokenizer: str, path: str) -> Work:
    """Encode small texts with the default implementation, in a process that has encoded a large one."""
    from impls import Tokenizer

    loaded = Tokenizer.load(tokenizer)
    with Path(path).open("rb") as file:
        loaded.encode(file.read(LARGE_TEXT_BYTES).decode(errors="ignore"))
    return calls(loaded.encode, path)


def calls_peer(name: str, tokenizer: str, path: str) -> Work:
    """Encode small texts."""
    return calls(peer_encoder(name, tokenizer).encode_str, path)


def calls_facts(lists: list[list[int]], seconds: float) -> Facts:
    """Describe the ids of all calls; the time is that of one."""
    return ids_facts([token for ids in lists for token in ids], seconds / len(lists))


def ready(path: str) -> Work:
    """Train and encode a small text in compiled code, from the import on."""

    def work() -> list[int]:
        from impls import Tokenizer

        merges = train_ours(path, 300, "jit", "greatest")()
        vocab = dict(enumerate([bytes([byte]) for byte in range(256)] + [left + right for left, right in merges]))
        return Tokenizer(vocab, merges, SPECIAL_TOKENS, impl="jit").encode(Path(path).read_bytes().decode())

    return work


def import_numba() -> Work:
    """Import Numba."""

    def work() -> list[int]:
        import numba  # noqa: F401

        return []

    return work


def of_ids(ids: Any, _: float) -> Facts:
    """Describe ids by themselves."""
    return ids_facts(ids)


def of_merges(merges: Pairs, _: float) -> Facts:
    """Describe merges by themselves."""
    return merges_facts(merges)


def of_peer_merges(output: Any, _: float) -> Facts:
    """Describe the merges of a peer."""
    return merges_facts(peer_merges(output))


def of_gigatoken_merges(output: Any, seconds: float) -> Facts:
    """Describe the merges; the time is the whole less counting."""
    return merges_facts(peer_merges(output), seconds - output[1].counting_seconds())


TASKS = {
    "train_ours": Task(train_ours, of_merges),
    "train_peer": Task(train_peer, of_peer_merges),
    "merges_ours": Task(merges_ours, of_merges),
    "merges_gigatoken": Task(train_peer, of_gigatoken_merges),
    "count_ours": Task(count_ours, pretokens_facts),
    "tables_ours": Task(tables_ours, tables_facts),
    "count_gigatoken": Task(count_gigatoken, gigatoken_counts),
    "array_ours": Task(array_ours, of_ids),
    "array_gigatoken": Task(array_gigatoken, of_ids),
    "file_ours": Task(file_ours, file_facts),
    "stream_ours": Task(stream_ours, file_facts),
    "file_gigatoken": Task(file_gigatoken, file_facts),
    "list_ours": Task(list_ours, of_ids),
    "list_peer": Task(list_peer, of_ids),
    "calls_ours": Task(calls_ours, calls_facts),
    "calls_peer": Task(calls_peer, calls_facts),
    "ready": Task(ready, of_ids),
    "import_numba": Task(import_numba, of_ids),
}


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out a task as ordered by `runner.run_side`; see there."""
    if order["cpus"]:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["cpus"]])
    task, arguments = TASKS[order["task"]], order["arguments"]
    if order["warm"] is not None:
        task.prepare(**{**arguments, **order["warm"]})()
    outputs: list[Any] = []
    seconds: list[float] = []
    for _ in range(order["repeats"]):
        outputs.clear()
        work = task.prepare(**arguments)
        started = order["spawned"] if order["warm"] is None else monotonic()
        outputs.append(work())
        seconds.append(monotonic() - started)
        del work
    peak = peak_rss()
    middle = sorted(seconds)[len(seconds) // 2]
    facts = task.facts(outputs[0], middle)
    reported = facts._asdict()
    reported["seconds"] = middle if facts.seconds is None else facts.seconds
    return {**reported, "samples": seconds, "peak_rss": peak}


if __name__ == "__main__":
    sys.exit(answer(run))
