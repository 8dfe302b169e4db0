"""Outside witnesses: where the rules of other tokenizers are ours, so are merges and ids; where not, we know how."""

from __future__ import annotations

import collections
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from data import get
from impls import InvalidUtf8Error, MergelabError, Tokenizer, UsageError, train_bpe
from impls.contract import TieBreak, Vocabulary
from impls.patterns import PATTERNS, Splitter
from impls.peers import load_peer, peers, texts
from impls.peers.encoders import tokenizer_json
from impls.peers.files import encode_file, encode_file_to_file, load_tokenizer
from impls.peers.output import with_output
from impls.peers.trainers import GigatokenLearned, PeerTrainer
from impls.registry import Impl, find, implementations
from impls.train.naive import merge_pair

SPECIAL = "<|endoftext|>"
CORPORA = ["stories", "stdlib", "unicode-classes", "emoji", "crlf", "whitespace-runs", "one-letter", "no-spaces"]
TEXT_BYTES = 20_000
OURS = [row.name for row in implementations("train")[2:]]
TRAINERS = peers("train")
ENCODERS = peers("encode")
PATTERNS_OF = {"tiktoken": list(PATTERNS), "gigatoken": ["gpt2", "o200k"], "huggingface": ["gpt2", "o200k"]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A vocabulary of 1,000 on stories and program text."""
    path = tmp_path_factory.mktemp("corpus") / "both.txt"
    path.write_bytes(b"".join(get(name, 200_000).read_bytes() for name in ("stories", "stdlib")))
    vocab, merges = train_bpe(path, 1000, [SPECIAL], impl="incremental")
    return Tokenizer(vocab, merges, [SPECIAL], impl="cached")


def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    return tokenizer.definition.vocabulary


def text_of(corpus: str) -> bytes:
    return get(corpus, TEXT_BYTES).read_bytes()


def trainer_of(row: Impl) -> PeerTrainer[object]:
    trainer: PeerTrainer[object] = load_peer("train", row.name)()
    return trainer


def trainers_with(tie_break: str) -> list[Impl]:
    return [row for row in TRAINERS if tie_break in trainer_of(row).ties]


def without_special(corpus: str, n_bytes: int, folder: Path) -> Path:
    path = folder / "corpus.txt"
    path.write_bytes(get(corpus, n_bytes).read_bytes().replace(SPECIAL.encode(), b""))
    return path


def merges_to_the_smallest_ids(path: Path, n_merges: int) -> list[tuple[bytes, bytes]]:
    """The merges by rustbpe's rule, all pairs counted again for each."""
    pretokens = collections.Counter(Splitter("gpt2", [SPECIAL]).corpus_pretokens(path.read_bytes().decode()))
    rows = [(list(pretoken.encode()), count) for pretoken, count in pretokens.items()]
    tokens, merges = [bytes([byte]) for byte in range(256)], []
    for new_id in range(256, 256 + n_merges):
        counts: collections.Counter[tuple[int, int]] = collections.Counter()
        for ids, count in rows:
            for pair in pairwise(ids):
                counts[pair] += count
        if not counts:
            break
        left, right = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append((tokens[left], tokens[right]))
        tokens.append(tokens[left] + tokens[right])
        rows = [(merge_pair(ids, (left, right), new_id), count) for ids, count in rows]
    return merges


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize(
    ("row", "pattern"),
    [(row, pattern) for row in ENCODERS for pattern in PATTERNS_OF[row.name]],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_peers_with_our_merges_give_our_ids(trained: Tokenizer, row: Impl, pattern: str, corpus: str) -> None:
    text = text_of(corpus)
    ours = find("encode", "cached").load()(vocabulary_of(trained), pattern).encode(text)
    peer = load_peer("encode", row.name)(vocabulary_of(trained), pattern)
    ids = peer.encode(text)
    assert ids.dtype == np.uint16
    assert np.array_equal(ids, ours)
    assert peer.encode_str(text.decode()) == ours.tolist()
    both, offsets = peer.encode_batch([text, text])
    assert np.array_equal(both, np.concatenate([ours, ours]))
    assert offsets.tolist() == [0, len(ours), 2 * len(ours)]


@pytest.mark.parametrize("row", ENCODERS, ids=lambda row: row.name)
def test_peers_are_given_utf8_only(trained: Tokenizer, row: Impl) -> None:
    with pytest.raises(InvalidUtf8Error, match="byte 2"):
        load_peer("encode", row.name)(vocabulary_of(trained), "gpt2").encode(b"ab\xff")


@pytest.mark.kernel
@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("row", trainers_with("huggingface"), ids=lambda row: row.name)
@pytest.mark.parametrize("corpus", ["stories", "stdlib", "ties", "unicode-classes"])
def test_peers_give_our_merges_with_ties_as_in_huggingface(row: Impl, name: str, corpus: str, tmp_path: Path) -> None:
    path = without_special(corpus, 30_000, tmp_path)
    expected = train_bpe(path, 700, [], impl=name, tie_break="huggingface")
    assert trainer_of(row)(path, 700, [], tie_break="huggingface") == expected


@pytest.mark.parametrize("row", trainers_with("smallest_ids"), ids=lambda row: row.name)
@pytest.mark.parametrize("corpus", ["stories", "stdlib", "ties", "unicode-classes"])
def test_peers_with_the_smallest_ids_in_ties_do_as_they_say(row: Impl, corpus: str, tmp_path: Path) -> None:
    path = without_special(corpus, 4_000, tmp_path)
    expected = merges_to_the_smallest_ids(path, 60)
    assert trainer_of(row)(path, 316, [], tie_break="smallest_ids")[1] == expected
    assert expected != train_bpe(path, 316, [], impl="incremental")[1]


@pytest.mark.parametrize("row", TRAINERS, ids=lambda row: row.name)
def test_peers_do_not_train_on_special_tokens(row: Impl, tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(get("stories", 20_000).read_bytes())
    trainer = trainer_of(row)
    vocab, merges = trainer(path, 330, [SPECIAL])
    assert path.read_bytes().count(SPECIAL.encode()) > 10
    assert len(vocab) == 330
    assert vocab[329] == SPECIAL.encode()
    if trainer.ties[0] in get_args(TieBreak):
        assert (vocab, merges) == train_bpe(path, 330, [SPECIAL], impl="incremental", tie_break="huggingface")
    else:
        assert merges == merges_to_the_smallest_ids(path, 73)


@pytest.mark.parametrize("row", TRAINERS, ids=lambda row: row.name)
def test_peers_stop_when_no_pair_is_left_but_for_gigatoken(row: Impl, tmp_path: Path) -> None:
    path = without_special("one-letter", 2_000, tmp_path)
    ours = train_bpe(path, 300, [], impl="incremental", tie_break="huggingface")[1]
    merges = trainer_of(row)(path, 300, [])[1]
    assert merges[: len(ours)] == ours
    assert (len(merges) == len(ours)) == (row.name != "gigatoken")


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("corpus", ["stories", "stdlib", "crlf", "whitespace-runs"])
def test_pieces_hold_the_pretokens_of_the_whole(corpus: str, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "PIECE_CHARACTERS", 50)
    path = get(corpus, TEXT_BYTES)
    splitter = Splitter(pattern, [SPECIAL])
    pieces = list(texts.pieces(path, [SPECIAL]))
    found = [pretoken for piece in pieces for pretoken in splitter.pretokens(piece)]
    assert found == list(splitter.corpus_pretokens(path.read_bytes().decode()))
    assert max(map(len, pieces)) < 20_000 or corpus == "whitespace-runs"


def test_rustbpe_takes_any_pattern(tmp_path: Path) -> None:
    path = without_special("stories", 20_000, tmp_path)
    rustbpe = load_peer("train", "rustbpe")()
    named = [rustbpe(path, 400, [], pattern=pattern) for pattern in PATTERNS]
    assert named == [rustbpe(path, 400, [], pattern=f"regex:{expression}") for expression in PATTERNS.values()]
    assert named[0] != named[1]


def test_from_a_file_gigatoken_keeps_special_tokens_only_without_separator(
    trained: Tokenizer, tmp_path: Path
) -> None:
    import gigatoken

    from impls.peers.files import flat_ids

    (tmp_path / "tokenizer.json").write_text(tokenizer_json(vocabulary_of(trained), "gpt2"))
    peer = load_tokenizer(tmp_path / "tokenizer.json")
    path = get("stories", TEXT_BYTES)
    ours = np.array(trained.encode(path.read_bytes().decode()), np.uint32)
    assert np.array_equal(encode_file(peer, path), ours)
    separated = flat_ids(peer.encode_files(gigatoken.TextFileSource([path], separator=SPECIAL)))
    special = trained.special_tokens[SPECIAL]
    assert special in ours
    assert np.array_equal(separated, ours[ours != special])

    n_ids = encode_file_to_file(peer, path, tmp_path / "theirs.bin", trained.id_dtype)
    assert n_ids == trained.encode_file(path, tmp_path / "ours.bin")
    assert (tmp_path / "theirs.bin").read_bytes() == (tmp_path / "ours.bin").read_bytes()


def test_what_a_peer_prints_is_kept_apart(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = without_special("stories", 2_000, tmp_path)
    trainer = load_peer("train", "gigatoken")()
    learned = trainer.learn(trainer.request(path, 300, []))
    assert capfd.readouterr() == ("", "")
    assert 0 < learned.counting_seconds() < 60
    assert "unique words" in learned.printed


def test_output_comes_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        with_output(lambda: 1 // 0)
    print("still there")
    assert capfd.readouterr().out == "still there\n"


@pytest.mark.parametrize(("printed", "seconds"), [("2.5s", 2.5), ("12ms", 0.012), ("7.5µs", 7.5e-6), ("900ns", 9e-7)])
def test_counting_seconds_are_read(printed: str, seconds: float) -> None:
    learned = GigatokenLearned([], f"Using 2 threads\nPretokenization took {printed}\n")
    assert learned.counting_seconds() == pytest.approx(seconds)


def test_counting_seconds_that_are_not_printed_are_an_error() -> None:
    with pytest.raises(MergelabError, match="pretokenization"):
        GigatokenLearned([], "done").counting_seconds()


@pytest.mark.parametrize("row", TRAINERS, ids=lambda row: row.name)
def test_a_process_that_trains_with_a_peer_pays_for_the_peer_alone(row: Impl, tmp_path: Path) -> None:
    path = without_special("stories", 2_000, tmp_path)
    program = f"""
import sys
import {row.package}
before = set(sys.modules)
from impls.peers import load_peer
trainer = load_peer("train", {row.name!r})()
pattern = "gpt2" if trainer.patterns else r"regex:\\S+|\\s+"
trainer.learn(trainer.request({str(path)!r}, 300, [], pattern))
print(sorted({{"numpy", "regex", "numba", "impls.contract"}} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("row", [*TRAINERS, *ENCODERS], ids=lambda row: f"{row.stage}-{row.name}")
def test_a_missing_package_is_one_line(row: Impl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, row.package, None)
    with pytest.raises(UsageError, match=rf"peer {row.name}: .* is not installed; run pip .*\[peers\]"):
        load_peer(row.stage, row.name)


def test_what_a_peer_cannot_do_is_refused(trained: Tokenizer, tmp_path: Path) -> None:
    path = without_special("stories", 2_000, tmp_path)
    vocabulary = vocabulary_of(trained)
    shuffled = replace(vocabulary, merged=vocabulary.merged[::-1].copy())
    lacking = replace(vocabulary, byte_ids=np.where(np.arange(256) == 7, -1, vocabulary.byte_ids).astype(np.int32))
    with pytest.raises(UsageError, match=r"unknown peer 'nobody'.*gigatoken"):
        load_peer("encode", "nobody")
    with pytest.raises(UsageError, match="pattern: this peer does not know 'gpt4'"):
        load_peer("train", "gigatoken")()(path, 300, [], pattern="gpt4")
    with pytest.raises(UsageError, match="pattern: unknown pattern 'nonsense'"):
        load_peer("train", "rustbpe")()(path, 300, [], pattern="nonsense")
    with pytest.raises(UsageError, match="tie_break: this peer does not know 'greatest'"):
        load_peer("train", "huggingface")()(path, 300, [], tie_break="greatest")
    with pytest.raises(UsageError, match="gigatoken takes at most one, but 2 are given"):
        load_peer("train", "gigatoken")()(path, 300, ["<a>", "<b>"])
    with pytest.raises(UsageError, match="ids of merges do not grow with the rank"):
        load_peer("encode", "tiktoken")(shuffled, "gpt2")
    with pytest.raises(UsageError, match="each of the 256 bytes"):
        load_peer("encode", "huggingface")(lacking, "gpt2")
    with pytest.raises(UsageError, match="cannot carry 'gpt4'"):
        load_peer("encode", "gigatoken")(vocabulary, "gpt4")
    with pytest.raises(UsageError, match="does not know 'regex:a'"):
        load_peer("encode", "tiktoken")(vocabulary, "regex:a")
