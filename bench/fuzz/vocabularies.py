"""All encoders with strange vocabularies, compared with the naive encoder.

Ids have gaps, several merges make the same token, some bytes have no token, and special tokens are ordinary tokens
too.
"""

from __future__ import annotations

from random import Random
from typing import Any

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.texts import special_tokens, text
from impls.definition import MAX_ID, Definition
from impls.errors import MergelabError
from impls.patterns import PATTERNS
from impls.registry import Impl, implementations

Pair = tuple[bytes, bytes]


def make(random: Random) -> Case:
    """Return a text, and a vocabulary whose tokens are parts of the text."""
    content = text(random, 800)
    tokens = sorted({bytes([byte]) for byte in content.encode()}) or [b"a"]
    if random.random() < 0.1:
        tokens.remove(random.choice(tokens))
    merges = random_merges(random, content.encode(), set(tokens)) if tokens else []
    tokens = sorted({*tokens, *(left + right for left, right in merges)})
    ids = random.sample(range(random.choice((len(tokens), 3 * len(tokens) + 9, 1 << 17, MAX_ID - 9))), len(tokens))
    parameters = {
        "vocab": [[token_id, token.hex()] for token_id, token in zip(ids, tokens, strict=True)],
        "merges": [[left.hex(), right.hex()] for left, right in merges],
        "special_tokens": special_tokens(random, content) if random.random() < 0.4 else [],
        "pattern": random.choice([*PATTERNS, r"regex:\w+"]),
    }
    return Case(content.encode(), parameters)


def random_merges(random: Random, content: bytes, tokens: set[bytes]) -> list[Pair]:
    """Return merges that make parts of the text; no merge makes a token that an earlier merge uses."""
    merges: dict[Pair, None] = {}
    used: set[bytes] = set()
    for _ in range(random.randint(0, 80)):
        pair = random_pair(random, content, tokens)
        if pair[0] + pair[1] not in used and set(pair) <= tokens:
            merges.setdefault(pair)
            used.update(pair)
            tokens.add(pair[0] + pair[1])
    return list(merges)


def random_pair(random: Random, content: bytes, tokens: set[bytes]) -> Pair:
    """Return two adjacent parts of the text; sometimes, two random tokens instead."""
    if random.random() < 0.2 or len(content) < 2:
        left, right = random.choices(sorted(tokens), k=2)
        return left, right
    start = random.randrange(len(content) - 1)
    middle = start + random.randint(1, 4)
    return content[start:middle], content[middle : middle + random.randint(1, 4)] or content[:1]


def definition_of(parameters: Any) -> Definition:
    """Return the vocabulary of a case."""
    return Definition(
        {token_id: bytes.fromhex(token) for token_id, token in parameters["vocab"]},
        [(bytes.fromhex(left), bytes.fromhex(right)) for left, right in parameters["merges"]],
        parameters["special_tokens"],
        parameters["pattern"],
    )


def outcome(row: Impl, definition: Definition, texts: list[bytes]) -> object:
    """Return the ids that an encoder gives to each text, or the message of its error."""
    try:
        encoder = row.load()(definition.vocabulary, definition.pattern)
        ids, offsets = encoder.encode_batch(texts)
        return [encoder.encode(one).tolist() for one in texts] + [ids.tolist(), offsets.tolist()]
    except MergelabError as error:
        return str(error)


def check(case: Case) -> Difference | None:
    """Compare the ids of all encoders with the ids of the first encoder, for the text and for both halves."""
    definition, content = definition_of(case.parameters), case.content.decode()
    half = len(content) // 2
    texts = [case.content, content[:half].encode(), content[half:].encode()]
    naive, *others = implementations("encode")
    expected = outcome(naive, definition, texts)
    if isinstance(expected, list):
        tokens = b"".join(definition.vocab[token_id] for token_id in expected[0])
        if difference := compared(case.content, tokens, "the bytes of the tokens"):
            return difference
    for row in others:
        if difference := compared(expected, outcome(row, definition, texts), row.name):
            return difference
    return None


KIND = Kind("All encoders give the ids of the naive encoder, or its error.", make, check)
