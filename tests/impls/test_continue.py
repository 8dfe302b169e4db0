"""Training that goes on from a tokenizer: old merges first, old ids kept, new merges as the oracle learns them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import Definition, FileFormatError, Tokenizer, UsageError
from impls.contract import MergeEvent
from impls.pipeline import train
from impls.registry import Impl, implementations
from tests.support import oracle
from tests.support.definitions import SPECIALS, TEXTS, definitions, tokens_of
from tests.support.tokenizers import BYTES

pytestmark = pytest.mark.kernel

TEXT = "low low lower newest newest widest <s> slowest wide newer\n" * 3

each_trainer = pytest.mark.parametrize("row", implementations("train"), ids=lambda row: row.name)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("continue") / "text.txt"
    path.write_text(TEXT)
    return path


def continued(base: Definition, text: str, n_new: int) -> tuple[dict[int, bytes], list[oracle.Pair]]:
    """The vocabulary and the new merges that the law of `impls.learning` gives, without new special tokens."""
    ids = {token: token_id for token_id, token in base.vocab.items()}
    new: list[oracle.Pair] = []
    for left, right in oracle.merges_of(oracle.count(text, SPECIALS), n_new + 9, first=base.merges):
        if left + right not in ids:
            if len(ids) == len(base.vocab) + n_new:
                break
            ids[left + right] = max(ids.values()) + 1
        new.append((left, right))
    return {token_id: token for token, token_id in ids.items()}, new


@each_trainer
@settings(max_examples=40, deadline=None)
@given(base=definitions(), text=TEXTS, n_new=st.integers(0, 12))
def test_every_trainer_goes_on_as_the_oracle(row: Impl, base: Definition, text: str, n_new: int, path: Path) -> None:
    path.write_bytes(text.encode())
    events: list[MergeEvent] = []
    size = len(base.vocab) + n_new
    found = train(path, size, base=base, impl=row.name, workers=1, on_merge=events.append)
    vocab, new = continued(base, text, n_new)
    assert (dict(found.vocab), list(found.special_tokens)) == (vocab, SPECIALS)
    assert list(found.merges[len(found.merges) - len(new) :]) == new
    made = {left + right for left, right in new}
    assert list(found.merges[: len(found.merges) - len(new)]) == [
        (left, right) for left, right in base.merges if not {left, right, left + right} & made
    ]
    assert [(vocab[event.pair[0]], vocab[event.pair[1]]) for event in events] == new
    assert [vocab[event.new_id] for event in events] == [event.token for event in events] == [a + b for a, b in new]
    ids = Tokenizer.from_definition(found).encode(text)
    assert [found.vocab[token_id] for token_id in ids] == tokens_of(text, found)


@each_trainer
@pytest.mark.parametrize("options", [{}, {"tie_break": "huggingface"}, {"pattern": "gpt4", "max_token_bytes": 5}])
def test_going_on_with_the_same_text_gives_the_merges_of_one_training(
    row: Impl, options: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    whole = train(path, 280, impl=row.name, **options)
    for size in (256, 260, 270, 280):
        base = train(path, size, impl=row.name, **options)
        assert train(path, 280, impl=row.name, base=base, **{**options, "pattern": None}) == whole


def test_special_tokens_keep_their_ids_and_new_ones_come_last(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    base = train(path, 262, ["<s>"], pattern="gpt4")
    more = train(path, 270, ["<s>", "<pad>"], base=base)
    assert (more.special_tokens, more.pattern) == ({"<s>": 261, "<pad>": 269}, "gpt4")
    assert {token_id: more.vocab[token_id] for token_id in base.vocab} == base.vocab
    assert list(more.merges) == list(train(path, 270, ["<s>", "<pad>"], pattern="gpt4").merges)


def test_what_does_not_fit_the_tokenizer_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    base = train(path, 262, ["<s>"])
    with pytest.raises(UsageError, match="pattern: 'gpt4' is not 'gpt2', by which the tokenizer to continue splits"):
        train(path, 300, base=base, pattern="gpt4")
    with pytest.raises(UsageError, match=r"261 is too small for the 262 tokens to continue and 0 new.* at least 262"):
        train(path, 261, base=base)
    with pytest.raises(UsageError, match=r"262 is too small .* and 1 new special tokens; give at least 263"):
        train(path, 262, ["<pad>"], base=base)
    with pytest.raises(UsageError, match="base: 'tok' is not a Definition"):
        train(path, 300, base="tok")  # type: ignore[arg-type]
    with pytest.raises(FileFormatError, match=r"text.txt: text: the vocabulary has no token for byte 0x"):
        train(path, 400, base=Definition({key: BYTES[key] for key in range(100)}, []))
