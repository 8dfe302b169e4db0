"""HellaSwag: items as lm-evaluation-harness builds them, scores of hand-made logits, any batch."""

import json
import lzma
import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from impls import MergelabError
from lm.hellaswag import HellaSwagScore, Item, clean, encode_endings, read_items, score_items
from tests.lm.test_evaluate import SMALL, TOKENIZER, UNIFORM, Table
from tests.lm.test_models import CONFIGS, scrambled


def favouring(pairs: dict[tuple[str, str], float]) -> Table:
    """A model that likes some characters after others; a logit of 0 is the rest."""
    logits = torch.zeros(258, 258)
    for (before, after), value in pairs.items():
        logits[ord(before), ord(after)] = value
    return Table(logits, context_length=64)


def share_right(model: Table, items: list[Item]) -> HellaSwagScore:
    return HellaSwagScore.of(score_items(model, TOKENIZER, items))


def test_log_likelihoods_are_those_of_the_endings_alone() -> None:
    model = favouring({(" ", "x"): 3.0})
    (score,) = score_items(model, TOKENIZER, [Item("abc", ("x", "yz"), 0)])
    uniform = math.log(258)
    space = float(torch.log_softmax(model.logits[ord(" ")], -1)[ord("x")])
    other = float(torch.log_softmax(model.logits[ord(" ")], -1)[ord("y")])
    assert (score.n_tokens, score.n_characters) == ((2, 3), (1, 2))
    assert score.log_likelihoods == pytest.approx([-uniform + space, -2 * uniform + other])


def test_spaces_after_the_context_belong_to_the_ending() -> None:
    # `_encode_pair` of lm-evaluation-harness moves them there before it counts the tokens of the context.
    assert encode_endings(TOKENIZER, Item("ab ", ("x",), 0)) == [(list(b"ab  x"), 3)]


def test_the_three_ways_to_count_disagree_where_they_should() -> None:
    # Per token " he" costs as much as " a", but it has one character more.
    score = share_right(Table(torch.zeros(258, 258), 64), [Item("abc", ("a" * 6, "he" * 6, "b"), 1)])
    assert (score.accuracy, score.accuracy_by_characters) == (0.0, 1.0)
    assert score.n_items == 1


def test_a_preferred_ending_is_chosen_by_all() -> None:
    model = favouring({(" ", "z"): 20.0})
    items = [Item("abc", tuple("zwvu"), 0), Item("abc", tuple("wzvu"), 1), Item("abc", tuple("wzvu"), 0)]
    score = share_right(model, items)
    assert score.accuracy == score.accuracy_by_characters == score.accuracy_by_tokens == pytest.approx(2 / 3)


@pytest.mark.slow
def test_a_random_model_is_at_a_quarter() -> None:
    generator = random.Random(0)

    def words() -> str:
        return "".join(generator.choices("abcdefgh", k=generator.randrange(4, 16)))

    items = [Item(words(), tuple(words() for _ in range(4)), generator.randrange(4)) for _ in range(8000)]
    torch.manual_seed(0)
    score = share_right(Table(torch.randn(258, 258), 64), items)
    assert score.accuracy_by_characters == pytest.approx(0.25, abs=0.015)


def test_a_long_context_loses_its_beginning() -> None:
    model = Table(torch.zeros(258, 258), context_length=8)
    (score,) = score_items(model, TOKENIZER, [Item("c" * 50, ("ab", "d" * 20), 0)])
    assert score.n_tokens == (3, 21)
    assert score.log_likelihoods == pytest.approx([-3 * math.log(258), -8 * math.log(258)])


def test_the_batch_changes_no_score() -> None:
    model = scrambled(CONFIGS["gpt2"]).eval()
    generator = random.Random(1)

    def words(n: int) -> str:
        return "".join(generator.choices("ABCDEF 012", k=generator.randrange(1, n)))

    items = [Item(f"A{words(9)}", tuple(f"B{words(20)}" for _ in range(4)), 0, number) for number in range(70)]
    alone = list(score_items(model, SMALL, items, batch_size=1))
    assert [score.number for score in alone] == list(range(70))
    for size in (3, 100):
        for one, other in zip(alone, score_items(model, SMALL, items, batch_size=size), strict=True):
            assert one.log_likelihoods == pytest.approx(other.log_likelihoods, rel=1e-6)
            assert one.n_tokens == other.n_tokens


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


WORKED = [
    (
        {"activity_label": "Roof", "ctx": "A man is on it. he", "endings": ["a [x] b", "c"], "label": "1", "ind": 4},
        Item("Roof: A man is on it. he", ("a b", "c"), 1),
    ),
    (
        {
            "activity_label": "Roof",
            "ctx_a": "A man is on it.",
            "ctx_b": "he",
            "ctx": "A man is on it. he",
            "endings": ["is up.", "is down."],
            "label": 0,
        },
        Item("Roof: A man is on it. He", ("is up.", "is down."), 0),
    ),
    (
        {
            "activity_label": "Pets",
            "ctx_a": "[header] How to feed [title] Buy food. [step] Then go.",
            "ctx_b": "",
            "ctx": "unused",
            "endings": ["[substeps] Go home.  Rest.", " x"],
            "label": 1,
        },
        Item("Pets: How to feed. Buy food. Then go.", (" Go home. Rest.", "x"), 1),
    ),
    (
        # `capitalize` makes the rest of the words small, too.
        {
            "activity_label": "Cars",
            "ctx_a": "She stops.",
            "ctx_b": "the BMW",
            "ctx": "",
            "endings": ["a", "b"],
            "label": 0,
        },
        Item("Cars: She stops. The bmw", ("a", "b"), 0),
    ),
]
"""Lines and their items by `_process_doc` and `preprocess` of lm-evaluation-harness, worked by hand."""


@pytest.mark.parametrize(("row", "item"), WORKED)
def test_items_are_built_as_the_harness_builds_them(row: dict[str, object], item: Item, tmp_path: Path) -> None:
    assert list(read_items(write_items(tmp_path / "items.jsonl", [row]))) == [item]


def test_xz_is_read_and_damage_to_it_is_named(tmp_path: Path) -> None:
    plain = write_items(tmp_path / "items.jsonl", [row for row, _ in WORKED])
    packed = tmp_path / "items.jsonl.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    assert list(read_items(packed)) == list(read_items(plain))
    for damaged in (packed.read_bytes()[:-20], b"plain text"):
        packed.write_bytes(damaged)
        with pytest.raises(MergelabError, match=r"items\.jsonl\.xz: is damaged, or not compressed by xz"):
            list(read_items(packed))


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
def test_a_damaged_item_is_named_and_the_others_kept(row: object, tmp_path: Path) -> None:
    good = {"activity_label": "x", "ctx": "x", "endings": ["a"], "label": 0}
    path = write_items(tmp_path / "items.jsonl", [good, row, good])
    with pytest.warns(UserWarning, match=r"items\.jsonl: line 2: is not a HellaSwag item; .* 1 left out"):
        assert [item.number for item in read_items(path)] == [0, 2]


def test_missing_and_empty_items_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MergelabError, match="nowhere: No such file"):
        list(read_items(tmp_path / "nowhere"))
    with pytest.raises(MergelabError, match="no items to score"):
        share_right(UNIFORM, [])
