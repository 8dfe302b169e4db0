"""Figures of tokenizers: each against its law, computed again in the plainest way."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from impls import FileFormatError, MergelabError, Tokenizer, UsageError
from impls.inputs.file import TextFile
from impls.inspection.figures import comparison, kinds, speed, usage
from impls.inspection.figures.text import text_figures
from impls.inspection.figures.token import MOST_ROWS, Node, merge_tree, token_figures, tree_rows
from impls.inspection.figures.vocabulary import occurs_in_utf8, vocabulary_figures
from tests.impls.test_counters import cut_small
from tests.impls.test_course import END
from tests.impls.test_offsets import TEXTS, TOKENIZERS
from tests.support import oracle
from tests.support.tokenizers import BYTES, SMALL_FUZZ, TEXT, Merge

SAMPLE = (
    "a é я λ ა א ع ܐ ހ ক ਕ ક କ த త ಕ മ ක ท ລ ཀ က ក ᠠ አ ᐁ 가 あ ア ㄅ 中 ꀀ ߷ 1 ½ Ⅷ ٣ ! « 🙃 क ा"
    "\u0561\u13a0\u07ca\u0301\t\r\n\u3000\x00\u200d"
)


def plain_kind(character: str) -> str:
    """The kind of a character, rule by rule."""
    if regex.fullmatch(r"\s", character):
        return "white space"
    if unicodedata.category(character)[0] == "N":
        return "numbers"
    if unicodedata.category(character)[0] not in "LM":
        return "symbols"
    of = [name for name in kinds.SCRIPTS if regex.fullmatch(rf"\p{{Script={name}}}", character)]
    return of[0] if of else "other scripts"


def test_kinds_of_characters() -> None:
    assert [kinds.KINDS[kind] for kind in kinds.kinds_of(SAMPLE)] == list(map(plain_kind, SAMPLE))
    assert set(map(plain_kind, SAMPLE)) == set(kinds.KINDS)


@given(text=TEXTS.filter(bool))
@SMALL_FUZZ
def test_the_kind_of_a_token_is_the_last_of_its_characters(text: str) -> None:
    found = TOKENIZERS("cached").encode_with_offsets(text)
    of_characters = kinds.kinds_of(text)
    expected = [max(of_characters[start:stop]) for start, stop in found.character_spans.tolist()]
    assert kinds.kinds_of_tokens(of_characters, found.character_spans).tolist() == expected


@given(words=st.lists(st.text("ab\u00e9 ", min_size=1, max_size=12), min_size=1, max_size=6))
@SMALL_FUZZ
def test_merging_bytes_makes_the_tokens_of_the_oracle(words: list[str]) -> None:
    merges = oracle.train(" ".join(words), 12, [])
    made = {300 + i: left + right for i, (left, right) in enumerate(merges)}
    arrays = Tokenizer(BYTES | made, merges).definition.vocabulary
    for pretoken in oracle.count(" ".join(words), []):
        nodes = merge_tree(pretoken.encode(), arrays.ranks(), arrays.byte_ids.tolist())
        assert [node.content for node in nodes] == oracle.encode(pretoken, merges, [])
        for node in nodes:
            check_tree(node, merges)


def check_tree(node: Node, merges: list[Merge]) -> None:
    if node.rank is None:
        assert (len(node.content), node.left, node.right) == (1, None, None)
        return
    assert node.left is not None
    assert node.right is not None
    assert merges[node.rank] == (node.left.content, node.right.content)
    assert node.content == node.left.content + node.right.content
    check_tree(node.left, merges)
    check_tree(node.right, merges)


def test_one_token() -> None:
    merges = [(b"a", b"b"), (b"ab", b"c"), (b"b", b"c"), (b"a", b"bc"), (b"x", b"ab")]
    tokens = {256: b"ab", 257: b"abc", 258: b"bc", 259: b"xab", 260: b"lone"}
    definition = Tokenizer(BYTES | tokens, merges, [END]).definition
    found = token_figures(definition, 257)
    assert found.makers == ((1, 256, 99), (3, 97, 258))
    assert (found.is_made, found.n_uses, found.n_rows) == (True, 0, 5)
    assert [(row.depth, row.is_last, row.content, row.rank) for row in found.tree] == [
        (0, True, b"abc", 1),
        (1, False, b"ab", 0),
        (2, False, b"a", None),
        (2, True, b"b", None),
        (1, True, b"c", None),
    ]
    assert token_figures(definition, 256).n_uses == 2
    lone = token_figures(definition, 260)
    assert (lone.is_made, lone.makers, [row.content for row in lone.tree]) == (False, (), [b"l", b"o", b"n", b"e"])
    special = token_figures(definition, 261)
    assert (special.is_special, special.tree, special.is_made) == (True, (), False)
    with pytest.raises(UsageError, match=r"262 is not an id.*0 to 261"):
        token_figures(definition, 262)


def test_a_deep_tree_is_cut_not_an_error() -> None:
    merges = [(b"a" * n, b"a") for n in range(1, 3000)]
    made = {255 + n: b"a" * (n + 1) for n in range(1, 3000)}
    found = token_figures(Tokenizer(BYTES | made, merges).definition, 255 + 2999)
    assert len(found.tree) == MOST_ROWS < found.n_rows
    node = Node(97, b"a")
    for n in range(2, 3000):
        node = Node(n, b"a" * n, n, node, Node(97, b"a"))
    assert len(list(tree_rows([node]))) == 2 * 2999 - 1


def test_a_text_is_its_tokens(tokenizer: Tokenizer) -> None:
    found = text_figures(tokenizer, f"{TEXT}{END}")
    assert [token.id for token in found.tokens] == tokenizer.encode(f"{TEXT}{END}")
    data = found.text.encode()
    assert [data[slice(*token.byte_span)] for token in found.tokens if token.byte_span] == [
        token.content for token in found.tokens
    ]
    assert (found.n_bytes, found.n_characters) == (len(data), len(found.text))
    with pytest.raises(UsageError, match="empty"):
        text_figures(tokenizer, "")


ALPHABET = ("a", "b", " ", "\u00e9", "\u0a69")

UNREACHED = {
    "all are reached": [(b"a", b"b"), (b" ", b"ab"), (b"a", b"\xc3"), (b"\xa9", b"\xc3")],
    "an earlier merge takes a part": [(b"b", b"a"), (b"a", b"b"), (b"ab", b"a"), (b"ab", b"b")],
    "the pattern cuts": [(b"a", b" "), (b" ", b"a"), (b" ", b" "), (b" a", b" "), (b"  ", b"a")],
    "no UTF-8": [(b"\xa9", b"\xa9"), (b"\xc3", b"\xc3"), (b"\xc3", b"a"), (b"\xa9", b"\xc3"), (b"\xa9", b"a")],
}


@pytest.mark.parametrize("name", UNREACHED)
def test_unreached_tokens_are_those_that_no_short_text_gives(name: str) -> None:
    merges = UNREACHED[name]
    letters = {ord(byte): byte for byte in (b"a", b"b", b" ", b"\xc3", b"\xa9", b"\xe0")}
    made = {300 + i: left + right for i, (left, right) in enumerate(merges)}
    tokenizer = Tokenizer(letters | made, merges, impl="naive")
    texts = ["".join(letters) for n in range(1, 6) for letters in product(ALPHABET, repeat=n)]
    given_ = {token_id for ids in tokenizer.encode_batch(texts) for token_id in ids}
    found = vocabulary_figures(tokenizer).unreached
    assert {token.id for token in found} == set(tokenizer.vocab) - given_
    assert all(token.content == tokenizer.vocab[token.id] for token in found)
    expected = {
        "all are reached": Counter(),
        "an earlier merge takes a part": Counter(merges=1),
        "the pattern cuts": Counter(pattern=1, merges=2),
        "no UTF-8": Counter(bytes=2),
    }
    assert Counter(token.reason for token in found) == expected[name]


def test_which_bytes_occur_in_utf8() -> None:
    codes = (*range(0x20, 0x900), *range(0xD780, 0xD800), *range(0xE000, 0x10400, 7), *range(0x10FFF0, 0x110000))
    texts = [chr(code).encode() for code in codes]
    pieces = {text[i:j] for text in texts for i in range(len(text)) for j in range(i + 1, len(text) + 1)}
    assert all(map(occurs_in_utf8, pieces))
    for code in (b"\xc0", b"\xc1a", b"\xf5", b"\xed\xa0", b"\xe0\x80", b"\xf4\x90", b"\x80" * 4, b"\xc3a", b"a\x80"):
        assert not occurs_in_utf8(code)


def test_duplicates_and_sizes() -> None:
    merges = [(b" ", b"a"), (b" ", b"A"), (b"a", b"a"), (b" ", b" a"), (b"\xc3", b"\x89"), (b"\xc3", b"\xa9")]
    made = {300 + i: left + right for i, (left, right) in enumerate(merges)}
    found = vocabulary_figures(Tokenizer(BYTES | made, merges, [END]))
    groups = [{token.content for token in group} for group in found.duplicates]
    assert groups[0] == {b"A", b"a", b" a", b" A"}
    assert {"É".encode(), "é".encode()} in groups
    assert not any(b"  a" in group or b"aa" in group for group in groups)
    assert found.n_repeats == sum(len(group) - 1 for group in groups) == 3 + 25 + 1
    sizes = found.sizes
    assert (sizes.n_tokens, sizes.n_text, sizes.n_special, sizes.n_merges, sizes.n_ids) == (263, 262, 1, 6, 307)
    assert (sizes.n_spaced, sizes.n_partial, sizes.longest[0].content) == (4, 128, b"  a")
    assert found.kinds["parts of characters"] == 128
    assert sum(found.kinds.values()) == sum(found.lengths.values()) == 262


@pytest.fixture
def text_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TextFile:
    """A file that is read in many parts."""
    cut_small(monkeypatch, 40)
    (tmp_path / "text.txt").write_bytes((f"{TEXT} {END}x{END} 中文 " * 5).encode())
    return TextFile.open(tmp_path / "text.txt")


def test_usage_is_that_of_the_whole_text(tokenizer: Tokenizer, text_file: TextFile) -> None:
    assert len(list(usage.text_parts(tokenizer, text_file))) > 5
    found, text = usage.usage_figures(tokenizer, text_file), text_file.path.read_bytes().decode()
    ids, _, spans = tokenizer.encode_with_offsets(text)
    counts = Counter(ids.tolist())
    assert (found.n_tokens, found.n_bytes, found.n_characters) == (len(ids), len(text.encode()), len(text))
    assert (found.n_words, found.fertility) == (len(text.split()), len(ids) / len(text.split()))
    assert found.bytes_per_token == len(text.encode()) / len(ids)
    assert found.characters_per_token == len(text) / len(ids)
    special = set(tokenizer.special_tokens.values())
    assert found.unused == tuple(sorted(set(tokenizer.vocab) - set(counts) - special))
    assert (found.n_used, found.n_unused) == (len(counts), len(found.unused))
    assert found.most_used[0] == min(counts.items(), key=lambda item: (-item[1], item[0]))
    of_characters = kinds.kinds_of(text)
    by_kind = Counter(kinds.KINDS[max(of_characters[start:stop])] for start, stop in spans.tolist())
    assert {kind.kind: kind.n_tokens for kind in found.kinds} == by_kind
    assert sum(kind.n_bytes for kind in found.kinds) == found.n_bytes
    assert sum(kind.n_characters for kind in found.kinds) == found.n_characters


def test_renyi_efficiency() -> None:
    assert usage.renyi_efficiency(np.full(8, 3), 8) == pytest.approx(1.0)
    assert usage.renyi_efficiency(np.array([5, 0, 0]), 3) == 0.0
    assert usage.renyi_efficiency(np.array([5]), 1) is None
    counts = [9, 4, 4, 1, 0]
    entropy = math.log2(sum((n / 18) ** 2.5 for n in counts)) / (1 - 2.5)
    assert usage.renyi_efficiency(np.array(counts), 5) == pytest.approx(entropy / math.log2(5))


def test_a_text_that_cannot_be_encoded(text_file: TextFile, tmp_path: Path) -> None:
    small = Tokenizer({i: token for i, token in BYTES.items() if token != b"t"}, [])
    with pytest.raises(FileFormatError, match=r"^small: .*text\.txt: .*byte 0x74"):
        usage.usage_figures(small, text_file, "small")
    (tmp_path / "bad.txt").write_bytes(b"ab \xff")
    with pytest.raises(FileFormatError, match=r"bad\.txt: invalid UTF-8 at byte 3"):
        usage.usage_figures(Tokenizer(BYTES, []), TextFile.open(tmp_path / "bad.txt"))
    found = usage.usage_figures(Tokenizer(BYTES, []), TextFile.open(tmp_path / "bad.txt", "replace"))
    assert (found.n_bytes, found.n_characters) == (6, 4)


def test_a_comparison(tokenizer: Tokenizer, text_file: TextFile) -> None:
    plain = Tokenizer(BYTES, [])
    found = comparison.comparison_figures({"one": tokenizer, "two": plain}, text_file)
    assert [row.name for row in found.tokenizers] == ["one", "two"]
    assert [row.usage.n_bytes for row in found.tokenizers] == [text_file.n_bytes] * 2
    (overlap,) = found.overlaps
    assert (overlap.n_common, overlap.of_second) == (256, 1.0)
    assert overlap.of_first == 256 / len(tokenizer)
    assert all(row.speed.low <= row.speed.median <= row.speed.high for row in found.tokenizers)


def test_passages_with_the_largest_difference_come_first(tmp_path: Path) -> None:
    ours = Tokenizer(BYTES | {256: b"aa", 257: b"aaaa"}, [(b"a", b"a"), (b"aa", b"aa")])
    lines = ["b" * 30, "a" * 8, "aaaa b", "a" * 8, f"{'a' * 40} {'b' * 300} c"]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    found = comparison.disagreements({"x": ours, "y": Tokenizer(BYTES, [])}, TextFile.open(tmp_path / "text.txt"))
    assert [passage.text for passage in found] == ["a" * 40, "a" * 8, "aaaa b"]
    assert [[len(tokens) for tokens in passage.tokens] for passage in found] == [[10, 40], [2, 8], [3, 6]]
    assert found[1].tokens[0] == (b"aaaa", b"aaaa")


def test_speed_needs_the_proof_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    tokenizers = {"one": Tokenizer(BYTES, []), "two": Tokenizer(BYTES, [])}
    found = speed.speeds(tokenizers, b"some text")
    assert {row.n_rounds for row in found.values()} == {speed.LEAST_ROUNDS}
    monkeypatch.setattr(Tokenizer, "decode_bytes", lambda *_: b"another text")
    with pytest.raises(MergelabError, match="one: the ids of a text do not decode"):
        speed.speeds(tokenizers, b"some text")
