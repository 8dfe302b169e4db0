"""Stream: read the file in ranges and count each pretoken as it is found. Unlike `findall`, it keeps no list.

Memory holds only one range of text and the unique pretokens, even if the file is large. With an expression of the
user's own, only special tokens are safe cuts; a text without a safe cut is read as one range.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

from impls.contract import Pretokens
from impls.inputs.text import Text
from impls.patterns import Splitter


def count(text: Text, *, pattern: str, special_tokens: Sequence[str], workers: int) -> Pretokens:
    """Count pretokens in constant memory; `workers` is not used. See `contract.Counter`."""
    del workers
    splitter = Splitter(pattern, special_tokens)
    counts: collections.Counter[str] = collections.Counter()
    for start, stop in text.ranges(pattern, special_tokens):
        counts.update(splitter.corpus_pretokens(text.text(start, stop)))
    return Pretokens.from_mapping({pretoken.encode(): count for pretoken, count in counts.items()})
