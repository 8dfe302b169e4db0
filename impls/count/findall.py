"""Split the whole text at once and keep every pretoken in a list: the first idea of most people.

The list holds one object per occurrence. There are millions of occurrences, and nearly all are repeats.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

from impls.contract import Pretokens
from impls.inputs.text import Text
from impls.patterns import Splitter


def count(text: Text, *, pattern: str, special_tokens: Sequence[str], workers: int) -> Pretokens:
    """Count pretokens; memory grows with the file, and `workers` is not used. See `contract.Counter`."""
    del workers
    splitter = Splitter(pattern, special_tokens)
    pretokens = list(splitter.corpus_pretokens(text.text(text.start, text.stop)))
    counts = collections.Counter(pretokens)
    return Pretokens.from_mapping({pretoken.encode(): count for pretoken, count in counts.items()})
