"""Evaluation: token-weighted perplexity, bits per byte of known models, HellaSwag on hand-made logits."""

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from impls import MergelabError, Tokenizer
from lm.batches import bytes_of_tokens, validation_batches
from lm.config import DataConfig
from lm.evaluate import score_file, score_text
from lm.hellaswag import Item, clean, ending_log_likelihoods, read_items, score_hellaswag
from lm.ops import IGNORE_INDEX

BYTES = {i: bytes([i]) for i in range(256)}
TOKENIZER = Tokenizer(BYTES | {256: b"he", 257: b"<s>"}, [(b"h", b"e")], ["<s>"])


class Table(torch.nn.Module):
    """A model whose logits depend on the last id alone."""

    def __init__(self, logits: torch.Tensor, context_length: int = 16) -> None:
        super().__init__()
        self.logits = logits
        self.config = SimpleNamespace(context_length=context_length, vocab_size=len(logits))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.logits[ids]


UNIFORM = Table(torch.zeros(258, 258))


def test_a_uniform_model_has_the_known_bits_per_byte(tmp_path: Path) -> None:
    text = "he said the hen hears<s>hello there<s>" * 5
    path = tmp_path / "text.txt"
    path.write_text(text)
    score = score_file(UNIFORM, TOKENIZER, path)
    ids = TOKENIZER.encode(text)
    specials = ids.count(257)
    assert score.n_targets == len(ids) - 1
    assert score.loss == pytest.approx(math.log(258))
    assert score.perplexity == pytest.approx(258)
    assert score.text_bytes == len(text.replace("<s>", "")) - len(TOKENIZER.vocab[ids[0]])
    expected = (len(ids) - 1 - specials) * math.log2(258) / score.text_bytes
    assert score.bits_per_byte == pytest.approx(expected)


def test_perplexity_weighs_tokens_not_batches() -> None:
    logits = torch.zeros(258, 258)
    logits[1, 2] = 5.0
    model = Table(logits)
    batches = [
        (torch.tensor([[1, 1, 1]]), torch.tensor([[2, 2, 2]])),
        (torch.tensor([[3, 3, 3]]), torch.tensor([[4, IGNORE_INDEX, IGNORE_INDEX]])),
    ]
    score = score_text(model, batches, bytes_of_tokens(TOKENIZER))
    easy, hard = -float(torch.log_softmax(logits[1], -1)[2]), math.log(258)
    assert score.n_targets == 4
    assert score.loss == pytest.approx((3 * easy + hard) / 4)
    assert score.perplexity == pytest.approx(math.exp(score.loss))


def test_the_number_of_batches_can_be_limited() -> None:
    ids = np.arange(200, dtype=np.uint16)
    feed = validation_batches(ids, DataConfig(folder="-", block_size=10, batch_size=2))
    assert score_text(UNIFORM, feed, bytes_of_tokens(TOKENIZER), max_batches=3).n_targets == 60


def test_nothing_to_predict_is_no_crash() -> None:
    score = score_text(UNIFORM, [], bytes_of_tokens(TOKENIZER))
    assert math.isnan(score.loss)
    assert math.isnan(score.bits_per_byte)


def test_a_single_token_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("a")
    with pytest.raises(MergelabError, match=r"one\.txt: is a single token"):
        score_file(UNIFORM, TOKENIZER, path)


def favouring(pairs: dict[tuple[str, str], float]) -> Table:
    """A model that likes some characters behind others; a logit of 0 is the rest."""
    logits = torch.zeros(258, 258)
    for (before, after), value in pairs.items():
        logits[ord(before), ord(after)] = value
    return Table(logits, context_length=64)


def test_log_likelihoods_are_those_of_the_endings_alone() -> None:
    model = favouring({(" ", "x"): 3.0})
    logs, n_tokens = ending_log_likelihoods(model, TOKENIZER, Item("abc", ("x", "yz"), 0))
    uniform = math.log(258)
    space = float(torch.log_softmax(model.logits[ord(" ")], -1)[ord("x")])
    other = float(torch.log_softmax(model.logits[ord(" ")], -1)[ord("y")])
    assert n_tokens.tolist() == [2, 3]
    assert logs.tolist() == pytest.approx([-uniform + space, -2 * uniform + other])


def test_the_three_ways_to_count_disagree_where_they_should() -> None:
    # Per token " he" costs as much as " a", but it has one character more.
    item = Item("abc", ("a" * 6, "he" * 6, "b"), 1)
    score = score_hellaswag(Table(torch.zeros(258, 258), 64), TOKENIZER, [item])
    assert (score.accuracy, score.accuracy_by_characters) == (0.0, 1.0)
    assert score.n_items == 1


def test_a_preferred_ending_is_chosen_by_all() -> None:
    model = favouring({(" ", "z"): 20.0})
    items = [Item("abc", tuple("zwvu"), 0), Item("abc", tuple("wzvu"), 1), Item("abc", tuple("wzvu"), 0)]
    score = score_hellaswag(model, TOKENIZER, items)
    assert score.accuracy == score.accuracy_by_characters == score.accuracy_by_tokens == pytest.approx(2 / 3)


def test_a_random_model_is_near_a_quarter() -> None:
    generator = random.Random(0)

    def words() -> str:
        return "".join(generator.choices("abcdefgh", k=12))

    items = [Item(words(), tuple(words() for _ in range(4)), generator.randrange(4)) for _ in range(400)]
    torch.manual_seed(0)
    score = score_hellaswag(Table(torch.randn(258, 258), 64), TOKENIZER, items)
    assert score.accuracy_by_characters == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 400) ** 0.5)


def test_a_long_context_loses_its_beginning() -> None:
    model = Table(torch.zeros(258, 258), context_length=8)
    logs, n_tokens = ending_log_likelihoods(model, TOKENIZER, Item("c" * 50, ("ab", "d" * 20), 0))
    assert n_tokens.tolist() == [3, 21]
    assert logs.tolist() == pytest.approx([-3 * math.log(258), -8 * math.log(258)])


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (" A [title] b [step] c  d ", "A. b c d"),
        ("plain", "plain"),
        ("[header] How to", " How to"),
    ],
)
def test_markup_is_removed(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def write_items(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_items_are_read(tmp_path: Path) -> None:
    row = {"activity_label": "Roof", "ctx": "A man is on it.", "endings": ["a [x] b", "c"], "label": "1", "ind": 4}
    (item,) = read_items(write_items(tmp_path / "items.jsonl", [row]))
    assert item == Item("Roof: A man is on it.", ("a b", "c"), 1)


@pytest.mark.parametrize(
    "row",
    [
        {"ctx": "x", "endings": ["a"], "label": 0},
        {"activity_label": "x", "ctx": "x", "endings": ["a"], "label": 1},
        {"activity_label": "x", "ctx": "x", "endings": 3, "label": 0},
        [],
        "x",
    ],
)
def test_a_damaged_item_is_named(row: object, tmp_path: Path) -> None:
    good = {"activity_label": "x", "ctx": "x", "endings": ["a"], "label": 0}
    with pytest.raises(MergelabError, match=r"items\.jsonl: line 2: is not a HellaSwag item"):
        list(read_items(write_items(tmp_path / "items.jsonl", [good, row])))


def test_missing_and_empty_items_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MergelabError, match="nowhere: No such file"):
        list(read_items(tmp_path / "nowhere"))
    with pytest.raises(MergelabError, match="no items to score"):
        score_hellaswag(UNIFORM, TOKENIZER, [])
