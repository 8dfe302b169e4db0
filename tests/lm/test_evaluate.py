"""Evaluation: bits per byte of documents, the same for any batch, tokenizer and window; the loss of windows."""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from impls import MergelabError, Tokenizer
from lm.batches import validation_batches
from lm.config import DataConfig
from lm.documents import Document, first_documents, read_documents
from lm.evaluate import DocumentScore, TextScore, Windows, score_documents, score_windows
from lm.ops import IGNORE_INDEX
from tests.lm.test_models import CONFIGS, scrambled

BYTES = {i: bytes([i]) for i in range(256)}
TOKENIZER = Tokenizer(BYTES | {256: b"he", 257: b"<s>"}, [(b"h", b"e")], ["<s>"])
PLAIN = Tokenizer(BYTES, [])
WHOLE = Windows(512, 512)


class Table(torch.nn.Module):
    """A model whose logits depend on the last id alone."""

    def __init__(self, logits: torch.Tensor, context_length: int = 512) -> None:
        super().__init__()
        self.logits = logits
        self.config = SimpleNamespace(context_length=context_length, vocab_size=len(logits))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.logits[ids]


UNIFORM = Table(torch.zeros(258, 258))


def documents(texts: Sequence[str], end: str = "<s>") -> list[Document]:
    return [Document(number, text, end, end) for number, text in enumerate(texts)]


def test_a_uniform_model_has_the_known_bits_per_byte() -> None:
    texts = ["he said the hen hears", "hello there, \u00e9"]
    scores = list(score_documents(UNIFORM, TOKENIZER, documents(texts), WHOLE))
    for score, text in zip(scores, texts, strict=True):
        n_tokens = len(TOKENIZER.encode(text)) + 1
        assert (score.n_bytes, score.n_tokens) == (len(text.encode()), n_tokens)
        assert score.nats == pytest.approx(n_tokens * math.log(258))
        assert score.special_nats == pytest.approx(math.log(258))
    total = TextScore.of(scores)
    assert total.bits_per_byte == pytest.approx(total.n_tokens * math.log2(258) / len("".join(texts).encode()))
    assert total.special_bits_per_byte == pytest.approx(2 * math.log2(258) / total.n_bytes)
    assert total.perplexity == pytest.approx(258)


def test_every_tokenizer_is_scored_on_every_byte_and_on_the_end() -> None:
    # Without special tokens, the end of a document costs as many tokens as its text has.
    texts = ["hehe he", "x"]
    for tokenizer, n_end in ((TOKENIZER, 1), (PLAIN, 3)):
        scores = list(score_documents(UNIFORM, tokenizer, documents(texts), WHOLE))
        assert [score.n_bytes for score in scores] == [7, 1]
        assert [score.n_tokens for score in scores] == [len(tokenizer.encode(text)) + n_end for text in texts]
        assert [score.special_nats for score in scores] == pytest.approx([n_end * math.log(258)] * 2)


def test_the_first_token_follows_the_end_of_a_document_and_special_tokens_are_told_apart() -> None:
    logits = torch.zeros(258, 258)
    logits[257, ord("a")] = 4.0
    (score,) = score_documents(Table(logits), TOKENIZER, documents(["a<s>b"]), WHOLE)
    after_end = torch.log_softmax(logits[257], -1)
    expected = [-float(after_end[ord("a")]), math.log(258), -float(after_end[ord("b")]), math.log(258)]
    assert score.nats == pytest.approx(sum(expected))
    assert score.special_nats == pytest.approx(expected[1] + expected[3])
    assert score.n_bytes == 5


@pytest.fixture(scope="module")
def model():
    return scrambled(CONFIGS["gpt2"]).eval()


SMALL = Tokenizer({i: bytes([i]) for i in range(90)} | {96: b"<s>"}, [], ["<s>"])
"""Its ids fit the model."""


def texts_of(lengths: Sequence[int]) -> list[Document]:
    generator = random.Random(0)
    return documents(["".join(generator.choices("ABCDEFG 0123", k=length)) for length in lengths])


@pytest.mark.parametrize("stride", [1, 3, 8])
def test_windows_change_only_what_is_seen(model, stride: int) -> None:
    # By hand: every target is predicted from the window that reaches it first.
    (document,) = texts_of([21])
    (score,) = score_documents(model, SMALL, [document], Windows(8, stride))
    ids = SMALL.encode("<s>" + document.text + "<s>")
    nats, done = 0.0, 1
    for start in range(0, len(ids), stride):
        window = ids[start : start + 9]
        if start + len(window) <= done:
            continue
        logs = model(torch.tensor([window[:-1]]))[0].detach().log_softmax(-1)
        for place in range(max(done, start + 1), start + len(window)):
            nats -= float(logs[place - start - 1, ids[place]])
        done = start + len(window)
    assert done == len(ids)
    assert score.n_tokens == len(ids) - 1
    assert score.nats == pytest.approx(nats, rel=1e-5)


def test_the_batch_changes_no_score(model) -> None:
    chosen = texts_of([1, 40, 3, 17, 17, 9, 60, 2])
    block = model.config.context_length
    alone = list(score_documents(model, SMALL, chosen, Windows(block, block, 1)))
    assert [score.number for score in alone] == list(range(8))
    for batch in (2, 3, 64):
        together = score_documents(model, SMALL, chosen, Windows(block, block, batch))
        for one, other in zip(alone, together, strict=True):
            assert one.nats == pytest.approx(other.nats, rel=1e-6)
            assert (one.n_tokens, one.n_bytes) == (other.n_tokens, other.n_bytes)
    assert not model.training


def test_windows_that_do_not_fit_are_refused(model) -> None:
    with pytest.raises(MergelabError, match="block size: 999 is above the context length"):
        list(score_documents(model, SMALL, texts_of([3]), Windows(999, 999)))
    with pytest.raises(MergelabError, match="stride: 9 is not between 1 and the block size 8"):
        Windows(8, 9)
    with pytest.raises(MergelabError, match="batch: 0 is below 1"):
        Windows(8, 8, 0)


def test_perplexity_weighs_tokens_not_batches() -> None:
    logits = torch.zeros(258, 258)
    logits[1, 2] = 5.0
    batches = [
        (torch.tensor([[1, 1, 1]]), torch.tensor([[2, 2, 2]])),
        (torch.tensor([[3, 3, 3]]), torch.tensor([[4, IGNORE_INDEX, IGNORE_INDEX]])),
    ]
    score = score_windows(Table(logits), batches)
    easy, hard = -float(torch.log_softmax(logits[1], -1)[2]), math.log(258)
    assert score.n_targets == 4
    assert score.loss == pytest.approx((3 * easy + hard) / 4)
    assert score.perplexity == pytest.approx(math.exp(score.loss))


def test_the_number_of_batches_can_be_limited() -> None:
    ids = np.arange(200, dtype=np.uint16)
    feed = validation_batches(ids, DataConfig(folder="-", block_size=10, batch_size=2))
    assert score_windows(UNIFORM, feed, max_batches=3).n_targets == 60


def test_nothing_to_predict_is_no_crash() -> None:
    assert math.isnan(score_windows(UNIFORM, []).loss)
    assert math.isnan(TextScore.of([]).bits_per_byte)
    assert list(score_documents(UNIFORM, TOKENIZER, [], WHOLE)) == []


def test_documents_of_a_text_stand_between_separators(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one<s>\ntwo \u00e9<s><s>three")
    found = list(read_documents(path, "<s>"))
    assert found == [
        Document(0, "one", "<s>", "<s>"),
        Document(1, "two \u00e9", "<s>", "<s>"),
        Document(3, "three", "<s>", "<s>"),
    ]
    assert [document.number for document in first_documents(iter(found), 4)] == [0, 1]
    assert list(first_documents(iter(found), 3)) == found[:1]
    assert list(first_documents(iter(found), None)) == found


def test_a_text_without_separators_is_cut_at_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("".join(f"line {number} \u00e9\n" for number in range(2000)))
    found = list(read_documents(path, "<s>"))
    assert "".join(document.text for document in found) == path.read_text()
    assert all(document.n_bytes >= 4096 and document.text.endswith("\n") for document in found[:-1])
    assert {(document.before, document.after) for document in found} == {("\n", "")}
    scores = list(score_documents(UNIFORM, TOKENIZER, found, WHOLE))
    assert TextScore.of(scores).n_bytes == path.stat().st_size
    assert TextScore.of(scores).special_nats == 0


def test_broken_lines_are_named_and_the_others_kept(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_text('{"text": "a"}\n{"text": \n{"text": "b"}\n{"body": "c"}\n')
    with pytest.warns(UserWarning, match=r"documents\.jsonl: line 2, 4: is not a JSON object .* 2 left out"):
        found = list(read_documents(path, "<s>"))
    assert [(document.number, document.text) for document in found] == [(0, "a"), (2, "b")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good<s>b\xffd<s>", "document 2: invalid UTF-8 at its byte 1"),
        (b"<s><s>", "holds no document"),
        (b"", "empty"),
    ],
)
def test_texts_that_cannot_be_scored_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(MergelabError, match=rf"text\.txt: .*{message}"):
        list(read_documents(tmp_path / "text.txt", "<s>"))


def test_sums_are_those_of_the_documents() -> None:
    scores = [DocumentScore(0, 10, 3, 2.0, 0.5), DocumentScore(4, 30, 5, 6.0, 1.5)]
    total = TextScore.of(scores)
    assert (total.n_documents, total.n_bytes, total.n_tokens, total.nats, total.special_nats) == (2, 40, 8, 8.0, 2.0)
    assert (total.loss, total.bits_per_byte) == pytest.approx((1.0, 0.2 / math.log(2)))
