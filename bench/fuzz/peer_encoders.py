"""Our encoders, compared with tiktoken and HF tokenizers."""

from __future__ import annotations

from random import Random

import tiktoken  # noqa: F401  # Without the two, this kind is skipped before a case is made.
import tokenizers  # noqa: F401

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.peer_trainers import END, OLD
from bench.fuzz.texts import text
from impls.contract import Pretokens
from impls.definition import Definition
from impls.patterns import PATTERNS, Splitter
from impls.peers import load_peer
from impls.registry import implementations, most_advanced

PATTERNS_OF = {"tiktoken": tuple(PATTERNS), "huggingface": ("gpt2", "o200k")}
"""Peer -> patterns that it has."""


def make(random: Random) -> Case:
    """Return a text to encode, another text to learn the merges from, a peer, and a split pattern."""
    letters = random.choice(OLD)
    content = text(random, 1500, letters)
    for _ in range(random.randint(0, 2)):
        place = random.randint(0, len(content))
        content = content[:place] + END + content[place:]
    peer = random.choice(list(PATTERNS_OF))
    parameters = {
        "peer": peer,
        "pattern": random.choice(PATTERNS_OF[peer]),
        "n_merges": random.choice((0, 20, 200)),
        "learned_from": text(random, 600, letters),
    }
    return Case(content.encode(), parameters)


def learned(content: str, n_merges: int, pattern: str) -> Definition:
    """Return a tokenizer with merges that are learned from a text."""
    counts: dict[bytes, int] = {}
    for pretoken in Splitter(pattern).pretokens(content):
        counts[pretoken.encode()] = counts.get(pretoken.encode(), 0) + 1
    train = most_advanced("train", compiled=True).load()
    return Definition.of_training(train(Pretokens.from_mapping(counts), n_merges=n_merges), [END], pattern)


def check(case: Case) -> Difference | None:
    """Compare the ids of all encoders with the ids of the peer."""
    peer, pattern = case.parameters["peer"], case.parameters["pattern"]
    definition = learned(case.parameters["learned_from"], case.parameters["n_merges"], pattern)
    expected = load_peer("encode", peer)(definition.vocabulary, pattern).encode(case.content).tolist()
    for row in implementations("encode"):
        ids = row.load()(definition.vocabulary, pattern).encode(case.content).tolist()
        if difference := compared(expected, ids, f"{row.name}, unlike {peer}"):
            return difference
    return None


KIND = Kind("All encoders give the ids of tiktoken and HF tokenizers.", make, check)
