"""Special tokens that overlap or begin alike, compared with a plain search at every character."""

from __future__ import annotations

from random import Random

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.texts import special_tokens, text
from impls.definition import Definition
from impls.kernels.splits import SPLITS
from impls.registry import implementations

BYTES = {byte: bytes([byte]) for byte in range(256)}


def make(random: Random) -> Case:
    """Return a text and special tokens; some of the tokens are repeated at the end of the text."""
    content = text(random, 600)
    specials = special_tokens(random, content)
    content += "".join(random.choices([*specials, content[:70]], k=random.randint(0, 6)))
    return Case(content.encode(), {"pattern": random.choice(list(SPLITS)), "special_tokens": specials})


def expected_ids(content: str, specials: dict[str, int]) -> list[int]:
    """Return the right ids: the id of each special token, the longest first, and the value of every other byte."""
    ids: list[int] = []
    place = 0
    while place < len(content):
        here = max((token for token in specials if content.startswith(token, place)), key=len, default="")
        ids += [specials[here]] if here else content[place].encode()
        place += len(here) or 1
    return ids


def check(case: Case) -> Difference | None:
    """Encode with a vocabulary of the 256 bytes and the special tokens; compare with the right ids."""
    definition = Definition(BYTES, [], case.parameters["special_tokens"], case.parameters["pattern"])
    expected = expected_ids(case.content.decode(), dict(definition.special_tokens))
    for row in implementations("encode"):
        ids = row.load()(definition.vocabulary, definition.pattern).encode(case.content).tolist()
        if difference := compared(expected, ids, row.name):
            return difference
    return None


KIND = Kind("Every encoder finds the special tokens that a plain search finds.", make, check)
