"""Tasks of training: from a file to merges, and each of the two stages by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bench import PATTERN, SPECIAL_TOKENS
from bench.peers.tasks.task import Facts, Pairs, Work, of_merges, task


@task(of_merges)
def train_ours(path: str, vocab_size: int, impl: str, tie_break: str) -> Work:
    """Train from a file to merges."""

    def work() -> Pairs:
        from impls import train_bpe

        _, merges = train_bpe(path, vocab_size, SPECIAL_TOKENS, pattern=PATTERN, impl=impl, tie_break=tie_break)  # type: ignore[arg-type]
        return merges

    return work


def _train_peer(name: str, path: str, vocab_size: int, tie_break: str, expression: str) -> Work:
    """Train from a file; the work returns the peer's trainer and its output, from which the trainer reads merges.

    The caller passes the split pattern as a regular expression, so that this process need not import `regex` to look
    the expression up.
    """

    def work() -> Any:
        from impls.peers import load_peer

        trainer = load_peer("train", name)()
        pattern = PATTERN if trainer.patterns else expression
        request = trainer.request(path, vocab_size, SPECIAL_TOKENS, pattern, tie_break)
        return trainer, trainer.learn(request)

    return work


def _peer_merges(output: Any) -> Pairs:
    trainer, learned = output
    merges: Pairs = trainer.merges(learned)
    return merges


def _of_peer_merges(output: Any, seconds: float) -> Facts:
    return of_merges(_peer_merges(output), seconds)


def _of_gigatoken_merges(output: Any, seconds: float) -> Facts:
    """Describe gigatoken's merges; their time is the measured time minus the time of counting."""
    counting: float = output[1].counting_seconds()
    return of_merges(_peer_merges(output), seconds)._replace(seconds=seconds - counting)


train_peer = task(_of_peer_merges)(_train_peer)

merges_gigatoken = task(_of_gigatoken_merges)(_train_peer)


@task(of_merges)
def merges_ours(path: str, vocab_size: int) -> Work:
    """Train from pretokens to merges in the form that `train_bpe` returns; the pretokens are counted untimed."""
    from impls.contract import N_BYTES
    from impls.registry import most_advanced

    pretokens = _count_ours(path, None)()
    train = most_advanced("train", compiled=True).load()
    n_merges = vocab_size - N_BYTES - len(SPECIAL_TOKENS)

    def work() -> Pairs:
        merges = train(pretokens, n_merges=n_merges, tie_break="huggingface")
        tokens = merges.token_bytes()
        return [(tokens[left], tokens[right]) for left, right in zip(merges.left, merges.right, strict=True)]

    return work


def _count_ours(path: str, workers: int | None) -> Work:
    """Count the pretokens of a file."""
    from impls.inputs.file import TextFile
    from impls.registry import most_advanced

    count = most_advanced("count", compiled=True).load()
    n_workers = workers or len(os.sched_getaffinity(0))
    return lambda: count(TextFile.open(path), pattern=PATTERN, special_tokens=SPECIAL_TOKENS, workers=n_workers)


def _of_pretokens(pretokens: Any, _: float) -> Facts:
    size = pretokens.bytes_.nbytes + pretokens.offsets.nbytes + pretokens.counts.nbytes
    return Facts(pretokens.digest(), len(pretokens), size)


count_ours = task(_of_pretokens)(_count_ours)


def _of_gigatoken_counts(output: Any, seconds: float) -> Facts:
    """Describe gigatoken's counts. Its training does not return them, so the pretokens are counted again, untimed."""
    from gigatoken.gigatoken_rs import pretokenized_counts

    from impls.contract import Pretokens

    path, learned, with_output = output
    counts, _ = with_output(lambda: pretokenized_counts(Path(path).read_bytes(), SPECIAL_TOKENS[0].encode()))
    pretokens = Pretokens.from_mapping({bytes(pretoken): count for pretoken, count in counts})
    return _of_pretokens(pretokens, seconds)._replace(seconds=learned.counting_seconds())


@task(_of_gigatoken_counts)
def count_gigatoken(path: str) -> Work:
    """Count the pretokens of a file and learn one merge; gigatoken prints the time of the counting alone."""
    from impls.contract import N_BYTES
    from impls.peers.output import with_output

    train = _train_peer("gigatoken", path, N_BYTES + 1 + len(SPECIAL_TOKENS), "huggingface", "")

    def work() -> Any:
        _, learned = train()
        return path, learned, with_output

    return work


def _of_size(n_bytes: int, _: float) -> Facts:
    return Facts(str(n_bytes), 1, n_bytes)


@task(_of_size)
def tables_ours(path: str, vocab_size: int) -> Work:
    """Return the bytes that training needs for unique pretokens: in hash tables of all threads, and for merging."""
    from impls.contract import N_BYTES
    from impls.kernels.keys import WORDS
    from impls.registry import load, most_advanced

    initial_state = load(f"{most_advanced('train', compiled=True).target.partition(':')[0]}:initial_state")

    def work() -> int:
        pretokens = _count_ours(path, None)()
        entries = 1 << (2 * len(pretokens)).bit_length()
        hash_tables = len(os.sched_getaffinity(0)) * 8 * WORDS * entries
        state = initial_state(pretokens, vocab_size - N_BYTES - len(SPECIAL_TOKENS), "huggingface")
        return hash_tables + sum(int(array.nbytes) for array in state)

    return work
