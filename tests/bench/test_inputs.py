"""The inputs of a measurement are made once, each when it is first needed, and all of the same text."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bench import PATTERN, SPECIAL_TOKENS
from bench.inputs import WORKERS, Inputs, count, inputs, inputs_of, output_digest
from data import get
from data.workloads import workloads
from impls import Tokenizer, train_bpe
from impls.contract import Merges, Pretokens
from impls.registry import implementations


@pytest.fixture(scope="module")
def made() -> Inputs:
    return inputs("stories", 5_000, 300)


def test_all_are_made_of_the_same_text(made: Inputs) -> None:
    content = get("stories", 5_000).read_bytes()
    assert made.text.read(0, made.text.n_bytes) == content == made.content.encode()
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    vocab, merges = train_bpe(made.text.path, 300, SPECIAL_TOKENS, pattern=PATTERN, impl="naive")
    assert (dict(made.definition.vocab), list(made.definition.merges)) == (vocab, merges)
    assert made.n_merges == len(merges) == 43
    for row in implementations("count"):
        assert count(row, made.text, 1).digest() == made.pretokens.digest()
    for row in implementations("encode"):
        tokenizer = made.tokenizer(row.name)
        assert tokenizer is not made.tokenizer(row.name)
        assert tokenizer.decode(tokenizer.encode(made.content)) == made.content


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    lazy = Inputs(f"file:{tmp_path / 'later.txt'}", None, 257)
    (tmp_path / "later.txt").write_text("a b")
    assert lazy.content == "a b"
    assert not {"pretokens", "definition", "sha256"} & vars(lazy).keys()


def test_inputs_are_made_once(made: Inputs) -> None:
    assert inputs("stories", 5_000, 300) is made
    assert made.pretokens is made.pretokens
    for workload in workloads():
        of_workload = inputs_of(workload)
        assert (of_workload.corpus, of_workload.n_bytes) == (workload.corpus, workload.bytes)
        assert of_workload.vocab_size == workload.vocab_size


def test_outputs_of_every_stage_have_a_digest(made: Inputs) -> None:
    ids = made.tokenizer("jit").encode_to_array(made.content)
    assert output_digest(ids) == output_digest(ids.astype(np.int64).tolist())
    assert output_digest(ids) != output_digest(ids[1:])
    assert output_digest(made.pretokens) == made.pretokens.digest()
    assert output_digest(Merges.from_pairs([(97, 98)])) != output_digest(Merges.from_pairs([(98, 97)]))
    assert output_digest(Pretokens.from_mapping({b"a": 1})) != output_digest(Pretokens.from_mapping({b"a": 2}))


def test_the_tokenizer_is_the_one_of_the_definition(made: Inputs) -> None:
    assert isinstance(made.tokenizer("cached"), Tokenizer)
    assert made.tokenizer("cached").definition == made.definition
    assert WORKERS >= 1
