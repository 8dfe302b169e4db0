"""Outside witnesses: tiktoken and HF tokenizers, given our merges, give our ids; HF's trainer gives our merges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiktoken
from tokenizers import Tokenizer as HuggingFaceTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers

from data import get
from impls import Tokenizer, train_bpe
from impls.formats import to_text
from impls.patterns import PATTERNS
from impls.registry import Impl, implementations

SPECIAL = "<|endoftext|>"
CORPORA = ["stories", "stdlib", "unicode-classes", "emoji", "crlf", "whitespace-runs", "one-letter", "no-spaces"]
TEXT_BYTES = 20_000


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A vocabulary of 1,000 on stories and program text."""
    path = tmp_path_factory.mktemp("corpus") / "both.txt"
    path.write_bytes(b"".join(get(name, 200_000).read_bytes() for name in ("stories", "stdlib")))
    vocab, merges = train_bpe(path, 1000, [SPECIAL], impl="incremental")
    return Tokenizer(vocab, merges, [SPECIAL], impl="cached")


def text_of(corpus: str) -> str:
    return get(corpus, TEXT_BYTES).read_bytes().decode()


def huggingface(tokenizer: Tokenizer) -> HuggingFaceTokenizer:
    """HF's BPE model with our merges behind its own GPT-2 split."""
    special = tokenizer.special_tokens.values()
    peer = HuggingFaceTokenizer(
        models.BPE(
            vocab={
                to_text(token): token_id for token_id, token in tokenizer.vocab.items() if token_id not in special
            },
            merges=[(to_text(left), to_text(right)) for left, right in tokenizer.merges],
        )
    )
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    peer.decoder = decoders.ByteLevel()
    peer.add_special_tokens([SPECIAL])
    return peer


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_tiktoken_with_our_ranks_gives_our_ids(trained: Tokenizer, corpus: str, pattern: str) -> None:
    special = dict(trained.special_tokens)
    ranks = {token: token_id for token_id, token in trained.vocab.items() if token_id not in special.values()}
    peer = tiktoken.Encoding("ours", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens=special)
    ours = Tokenizer(trained.vocab, trained.merges, [SPECIAL], pattern=pattern, impl="cached")
    text = text_of(corpus)
    assert ours.encode(text) == peer.encode(text, allowed_special="all")


@pytest.mark.parametrize("corpus", CORPORA)
def test_huggingface_tokenizers_with_our_merges_gives_our_ids(trained: Tokenizer, corpus: str) -> None:
    text = text_of(corpus)
    assert trained.encode(text) == huggingface(trained).encode(text).ids


@pytest.mark.kernel
@pytest.mark.parametrize("row", implementations("train")[2:], ids=lambda row: row.name)
@pytest.mark.parametrize("corpus", ["stories", "stdlib", "ties", "one-letter", "unicode-classes"])
def test_huggingface_trainer_gives_our_merges_with_its_ties(row: Impl, corpus: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(get(corpus, 30_000).read_bytes().replace(SPECIAL.encode(), b""))
    peer = HuggingFaceTokenizer(models.BPE())
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=700, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    peer.train_from_iterator([path.read_bytes().decode()], trainer)
    _, merges = train_bpe(path, 700, [], impl=row.name, tie_break="huggingface")
    expected = json.loads(peer.to_str())["model"]["merges"]
    assert [[to_text(left), to_text(right)] for left, right in merges] == expected
