"""What every trainer may be asked for beside a size, against the oracle that shares no line with the trainers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls.contract import MergeEvent, Merges, Pretokens, Start, Vocabulary
from impls.formats.alphabet import to_text
from impls.kernels.helpers import JIT
from impls.pipeline import train
from impls.pretoken_ids import pretoken_ids
from impls.registry import Impl, implementations
from tests.support import oracle

pytestmark = pytest.mark.kernel

TRAINERS = implementations("train")

each_trainer = pytest.mark.parametrize("row", TRAINERS, ids=lambda row: row.name)

WORDS = st.sampled_from(["a", "ab", "abc", "lower", "é \n"]).flatmap(
    lambda alphabet: st.text(alphabet, min_size=1, max_size=14)
)
COUNTS = st.dictionaries(WORDS, st.sampled_from([1, 1, 2, 3, 7]), min_size=1, max_size=12)

OPTIONS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "none": st.just({}),
    "min_frequency": st.fixed_dictionaries({"min_frequency": st.integers(1, 12)}),
    "max_token_bytes": st.fixed_dictionaries({"max_token_bytes": st.integers(1, 9)}),
    "both": st.fixed_dictionaries({"min_frequency": st.integers(1, 4), "max_token_bytes": st.integers(2, 5)}),
}


def packed(counts: dict[str, int]) -> Pretokens:
    return Pretokens.from_mapping({pretoken.encode(): count for pretoken, count in counts.items()})


def as_bytes(merges: Merges, tokens: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Merges as pairs of bytes; `tokens` are the tokens before them."""
    known, pairs = list(tokens), []
    for left, right in zip(merges.left.tolist(), merges.right.tolist(), strict=True):
        pairs.append((known[left], known[right]))
        known.append(known[left] + known[right])
    return pairs


def started(counts: dict[str, int], first: list[oracle.Pair]) -> Start:
    """Where a trainer goes on after the first merges: the ids of each pretoken, from the oracle."""
    tokens = [bytes([byte]) for byte in range(256)] + [left + right for left, right in first]
    words = [oracle.merged(oracle.word_of(pretoken), first) for pretoken in counts]
    ids = [tokens.index(token) for word in words for token in word]
    return Start(tokens, *arrays(ids, [len(word) for word in words]))


def arrays(ids: list[int], lengths: list[int]) -> Any:
    return np.array(ids, np.int32), np.cumsum([0, *lengths]).astype(np.int64)


@each_trainer
@pytest.mark.parametrize("options", OPTIONS)
@settings(max_examples=50 if JIT else 10, deadline=None)
@given(data=st.data(), counts=COUNTS, other=COUNTS, n_first=st.integers(0, 12), n_merges=st.integers(0, 40))
def test_every_trainer_learns_what_the_oracle_learns(
    row: Impl, options: str, data: Any, counts: dict[str, int], other: dict[str, int], n_first: int, n_merges: int
) -> None:
    chosen = data.draw(OPTIONS[options])
    first = oracle.merges_of(other, n_first)
    start = started(counts, first)
    expected = oracle.merges_of(counts, n_merges, first=first, **chosen)
    learned = row.load()(packed(counts), n_merges=n_merges, start=start if first else None, **chosen)
    assert as_bytes(learned, list(start.tokens)) == expected


@each_trainer
def test_a_pair_below_the_frequency_is_never_merged(row: Impl) -> None:
    counts = packed({"ab": 3, "cd": 2, "ef": 1})
    for frequency, expected in {1: 3, 2: 2, 3: 1, 4: 0, 10**20: 0}.items():
        assert len(row.load()(counts, n_merges=9, min_frequency=frequency)) == expected


@each_trainer
def test_a_longer_token_is_passed_over_and_the_next_best_pair_is_merged(row: Impl) -> None:
    # (ab, c) counts 9 but is too long; the tie of (x, y) and (x, z) is broken among what is short enough.
    counts = packed({"abc": 9, "xy": 2, "xz": 2})
    merges = row.load()(counts, n_merges=9, max_token_bytes=2)
    assert as_bytes(merges, Merges.from_pairs([]).token_bytes()) == [(b"b", b"c"), (b"x", b"z"), (b"x", b"y")]


@pytest.mark.parametrize("max_token_bytes", [None, 2, 3, 5])
@pytest.mark.parametrize("min_frequency", [1, 2, 6])
@settings(max_examples=10, deadline=None)
@given(text=st.text("aabbcde  ", min_size=1, max_size=300))
def test_huggingface_learns_the_same(min_frequency: int, max_token_bytes: int | None, text: str, path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    path.write_text(text)
    options = {"min_frequency": min_frequency, "max_token_bytes": max_token_bytes}
    ours = train(path, 296, impl="incremental", tie_break="huggingface", workers=1, **options)  # type: ignore[arg-type]
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    # There a token of two symbols is always made, and a longer token must be shorter than the limit.
    limit = {} if max_token_bytes is None else {"max_token_length": max_token_bytes + 1}
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=296,
        min_frequency=min_frequency,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **limit,
    )
    theirs.train_from_iterator([text], trainer)
    merges = json.loads(theirs.to_str())["model"]["merges"]
    assert [[to_text(left), to_text(right)] for left, right in ours.merges] == merges


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("options") / "text.txt"


@each_trainer
@pytest.mark.parametrize("tie_break", ["greatest", "huggingface"])
def test_training_in_two_parts_gives_the_merges_of_one(row: Impl, tie_break: Any) -> None:
    counts = {"low": 5, "lower": 2, "widest": 3, "newest": 6, "slowest": 1}
    whole = row.load()(packed(counts), n_merges=14, tie_break=tie_break)
    first = Merges(whole.left[:5], whole.right[:5])
    ids, offsets = pretoken_ids(Vocabulary.from_merges(first), packed(counts))
    events: list[MergeEvent] = []
    start = Start(first.token_bytes(), ids, offsets)
    rest = row.load()(packed(counts), n_merges=9, tie_break=tie_break, start=start, on_merge=events.append)
    assert (rest.left.tolist(), rest.right.tolist()) == (whole.left[5:].tolist(), whole.right[5:].tolist())
    assert [event.new_id for event in events] == list(range(261, 270))
    assert [event.token for event in events] == whole.token_bytes()[261:]


@settings(max_examples=50 if JIT else 10, deadline=None)
@given(counts=COUNTS, other=COUNTS, n_first=st.integers(0, 12))
@pytest.mark.parametrize("compiled", [False, True])
def test_ids_of_pretokens_are_those_of_the_oracle(
    compiled: bool, counts: dict[str, int], other: dict[str, int], n_first: int
) -> None:
    first = oracle.merges_of(other, n_first)
    start = started(counts, first)
    tokens = {token: token_id for token_id, token in enumerate(start.tokens)}
    vocabulary = Vocabulary.from_merges(Merges.from_pairs((tokens[left], tokens[right]) for left, right in first))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("impls.pretoken_ids.PURE_PYTHON_BYTES", -1 if compiled else 1 << 30)
        ids, offsets = pretoken_ids(vocabulary, packed(counts))
    assert (ids.tolist(), offsets.tolist()) == (start.ids.tolist(), start.offsets.tolist())
