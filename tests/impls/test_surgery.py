"""Each function of surgery obeys the law in its docstring, on tokenizers of ours and as others number them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import Definition, Tokenizer, UsageError
from impls.contract import Pretokens
from impls.pipeline import train
from impls.surgery import Changed
from impls.surgery.extend import extend
from impls.surgery.prune import prune
from impls.surgery.use import prune_by_use
from tests.support import oracle
from tests.support.definitions import SPECIALS, TEXTS, definitions, parts, tokens_of
from tests.support.tokenizers import BYTES

LAWS = settings(deadline=None, max_examples=60)


def check_common(old: Definition, changed: Changed) -> None:
    """What every operation owes: pattern and special tokens stay, and the map names the same tokens."""
    new = changed.definition
    assert (new.pattern, list(new.special_tokens)[: len(SPECIALS)]) == (old.pattern, SPECIALS)
    assert {old.vocab[old_id]: new_id for old_id, new_id in changed.ids.items()}.items() <= {
        token: token_id for token_id, token in new.vocab.items()
    }.items()
    assert set(changed.ids) == {token_id for token_id, token in old.vocab.items() if token in set(new.vocab.values())}


def check_closed_and_compact(old: Definition, changed: Changed) -> None:
    new = changed.definition
    tokens = set(new.vocab.values())
    assert all({left, right, left + right} <= tokens for left, right in new.merges)
    assert sorted(new.vocab) == list(range(len(new.vocab)))
    assert [changed.ids[token_id] for token_id in sorted(changed.ids)] == list(range(len(new.vocab)))
    assert {token for token in old.vocab.values() if len(token) == 1} <= tokens


def test_pruning_gives_what_training_to_the_size_gives(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("low low lower newest newest widest <s> slowest wide newer\n" * 3)
    for options in (
        {},
        {"tie_break": "huggingface"},
        {"min_frequency": 6, "max_token_bytes": 4},
        {"pattern": "gpt4"},
    ):
        largest = train(path, 290, ["<s>", "<pad>"], **options)
        for size in range(258, len(largest.vocab) + 1):
            alone = train(path, size, ["<s>", "<pad>"], **options)
            changed = prune(largest, size)
            assert changed.definition == alone
            assert changed.definition.fingerprint == alone.fingerprint


@LAWS
@given(old=definitions(), text=TEXTS, cut=st.integers(0, 26))
def test_pruning_to_a_size_takes_the_last_tokens_apart(old: Definition, text: str, cut: int) -> None:
    size = 258 + cut
    changed = prune(old, size)
    check_common(old, changed)
    if size >= len(old.vocab):
        assert changed.definition == old
        return
    check_closed_and_compact(old, changed)
    new, tokens = changed.definition, set(changed.definition.vocab.values())
    makable = {left + right for left, right in old.merges} | {
        token for token in old.vocab.values() if len(token) == 1
    }
    assert len(tokens) == min(size, len(makable) + len(SPECIALS))
    taken_apart = tokens_of(text, old)
    while gone := [place for place, token in enumerate(taken_apart) if token not in tokens]:
        taken_apart[gone[0] : gone[0] + 1] = parts(taken_apart[gone[0]], old)
    assert tokens_of(text, new) == taken_apart
    assert Tokenizer.from_definition(new).decode(Tokenizer.from_definition(new).encode(text)) == text


def least_used(old: Definition, text: str, size: int | None) -> set[bytes]:
    """The tokens that the law of `prune_by_use` keeps, with every use computed anew at each step."""
    ids = {token: token_id for token_id, token in old.vocab.items()}
    fixed = {token for token in ids if len(token) == 1} | {special.encode() for special in old.special_tokens}
    made_of = {token: parts(token, old) for token in ids.keys() - fixed}
    uses, kept = Counter(tokens_of(text, old)), set(ids)
    while True:
        free = [token for token in kept - fixed if not any(token in made_of[whole] for whole in kept - fixed)]
        if not free or (size is not None and len(kept) <= size):
            return kept
        least = min(free, key=lambda token: (uses[token], -ids[token]))
        if size is None and uses[least]:
            return kept
        kept.remove(least)
        for part in made_of[least]:
            uses[part] += uses[least]


def counted(text: str) -> Pretokens:
    return Pretokens.from_mapping({word.encode(): n for word, n in oracle.count(text, SPECIALS).items()})


@LAWS
@given(old=definitions(), text=TEXTS, other=TEXTS, cut=st.one_of(st.none(), st.integers(0, 26)))
def test_pruning_by_use_removes_the_least_used_tokens(
    old: Definition, text: str, other: str, cut: int | None
) -> None:
    size = None if cut is None else 258 + cut
    changed = prune_by_use(old, counted(text), size)
    check_common(old, changed)
    check_closed_and_compact(old, changed)
    new, tokens = changed.definition, set(changed.definition.vocab.values())
    assert tokens == least_used(old, text, size)
    assert new.merges == tuple(pair for pair in old.merges if {*pair, pair[0] + pair[1]} <= tokens)
    assert all(parts(token, new) == parts(token, old) for token in tokens if parts(token, old))
    assert b"".join(tokens_of(other, new)) == other.encode()
    if size is None:
        assert tokens_of(text, new) == tokens_of(text, old)


@LAWS
@given(
    old=definitions(),
    text=TEXTS,
    words=st.lists(st.text("abtsle", min_size=2, max_size=8), max_size=4),
)
def test_extending_keeps_ids_and_joins_neighbours(old: Definition, text: str, words: list[str]) -> None:
    wanted = [word for word in words if word.encode() not in old.vocab.values()]
    changed = extend(old, wanted, ["<new>"])
    check_common(old, changed)
    new = changed.definition
    assert changed.ids == {token_id: token_id for token_id in old.vocab}
    added = [new.vocab[token_id] for token_id in sorted(set(new.vocab) - set(old.vocab))]
    assert sorted(set(new.vocab) - set(old.vocab)) == list(range(old.n_ids, old.n_ids + len(added)))
    assert (added[-1], new.special_tokens["<new>"]) == (b"<new>", new.n_ids - 1)
    assert all(tokens_of(word, new) == [word.encode()] for word in wanted)
    before, after = tokens_of(text, old), tokens_of(text, new)
    assert ends(after) <= ends(before)
    assert merges_of_extension(old, wanted) == [pair for pair in new.merges if pair not in old.merges]


def ends(tokens: list[bytes]) -> set[int]:
    return {sum(map(len, tokens[:place])) for place in range(len(tokens) + 1)}


def merges_of_extension(old: Definition, words: list[str]) -> list[oracle.Pair]:
    """The merges that the law of `extend` adds."""
    made: list[oracle.Pair] = []
    for word in words:
        while len(tokens := oracle.merged(oracle.word_of(word), [*old.merges, *made])) > 1:
            made.append((tokens[0], tokens[1]))
    return made


def test_a_token_is_made_of_those_added_before_it() -> None:
    changed = extend(Definition(BYTES, []), ["ab", "abab", "babab"])
    assert changed.definition.merges == (
        (b"a", b"b"), (b"ab", b"ab"), (b"b", b"abab"),
    )  # fmt: skip
    assert changed.definition.vocab[258] == b"babab"


def test_an_idle_token_gets_its_merge_and_keeps_its_id() -> None:
    # No text gives `bc`: `ab` comes first in `abc`, and `b c` is no merge.
    old = Definition({**BYTES, 300: b"bc", 301: b"bcd"}, [(b"bc", b"d")])
    new = extend(old, ["bcx"]).definition
    assert Tokenizer.from_definition(new).encode("bcx bc bcd") == [302, 32, 300, 32, 300, 100]
    assert new.merges == ((b"b", b"c"), (b"bc", b"x"))


BAD: dict[str, tuple[Any, str]] = {
    "below the bytes": (lambda old: prune(old, 200), "size: 200 is too small for the 257 single bytes and special"),
    "no number": (lambda old: prune(old, "many"), "size: 'many' is not a whole number"),
    "by use below": (lambda old: prune_by_use(old, counted("a"), 9), "size: 9 is too small for the 257 single bytes"),
    "already there": (lambda old: extend(old, ["ab"]), "tokens: 'ab' is in the vocabulary already, as id 256"),
    "special already": (lambda old: extend(old, [], ["<s>"]), "special tokens: '<s>' is in the vocabulary already"),
    "two pretokens": (lambda old: extend(old, ["a b"]), "tokens: 'a b' is 2 pretokens, the first 'a'; no merge"),
    "with a special": (lambda old: extend(old, ["<s>"[:2] + ">x"]), "tokens: '<s>x' holds the special token '<s>'"),
    "empty": (lambda old: extend(old, [""]), "tokens: '' is not a text"),
    "bytes": (lambda old: extend(old, [b"q"]), "tokens: b'q' is not a text"),
    "surrogate": (lambda old: extend(old, ["a\ud800"]), "has a lone surrogate"),
    "one string": (lambda old: extend(old, "abc"), "tokens: 'abc' is not a list"),
    "no definition": (lambda _: prune("tok", 300), "definition: 'tok' is no Definition"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_one_clear_error(name: str) -> None:
    call, message = BAD[name]
    old = Definition(BYTES, [], ["<s>"]) if name != "already there" else Definition({**BYTES, 256: b"ab"}, [])
    with pytest.raises(UsageError) as raised:
        call(old)
    assert message in str(raised.value)


def test_a_text_with_a_byte_that_the_vocabulary_lacks() -> None:
    old = Definition({97: b"a"}, [])
    with pytest.raises(UsageError, match="no token for byte 0x62"):
        prune_by_use(old, counted("ab"))
    with pytest.raises(UsageError, match=r"tokens: 'ab' cannot be encoded: .* 0x62"):
        extend(old, ["ab"])
