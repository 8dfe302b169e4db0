"""Text of the tokenizer kept apart from text of the model, and the proof that it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import FileFormatError, MergelabError, Tokenizer, UsageError, provenance
from lm.config import RunConfig
from lm.disjoint import documents_of
from lm.shards import tokenize
from tests.support.lm_runs import END, quiet, tiny_config


def shared_of(config: RunConfig) -> Any:
    return json.loads((Path(config.data.folder) / "metadata.json").read_bytes())["tokenizer_documents"]


def documents(path: Path) -> list[str]:
    return [document.strip() for document in path.read_text().split(END) if document.strip()]


def apart(folder: Path, **tokenizer: Any) -> RunConfig:
    """A run of which a third of the documents is kept for the tokenizer."""
    dataset = {"tokenizer_share": 0.3, "validation_share": 0.2}
    return tiny_config(folder, dataset=dataset, tokenizer={"disjoint": True, **tokenizer})


def test_documents_of_the_tokenizer_are_in_no_text_of_the_model(tmp_path: Path) -> None:
    config, said = apart(tmp_path), []
    tokenize(config, said.append)
    folder = tmp_path / "data"
    texts = {name: set(documents(folder / f"{name}.txt")) for name in ("train", "val", "apart")}
    assert all(texts.values())
    assert not texts["apart"] & (texts["train"] | texts["val"])
    assert shared_of(config) == {"documents": len(texts["apart"]), "train": 0, "val": 0}
    told = f"documents of the tokenizer: {len(texts['apart'])}, none of them for training or validation of the model"
    assert any(line.endswith(told) for line in said)
    alone = tiny_config(tmp_path / "alone", dataset={"source": "local", "path": "", "bytes": None, "files": {
        "train": str(folder / "apart.txt")}, "validation_share": 0})  # fmt: skip
    tokenize(alone, quiet)
    assert Tokenizer.load(tmp_path / "alone" / "data" / "tokenizer") == Tokenizer.load(folder / "tokenizer")
    tokenize(config, said.append)
    assert said[-1] == f"{folder}: is complete"


def test_without_a_share_the_overlap_is_told_and_never_called_disjoint(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    tokenize(config, quiet)
    folder = tmp_path / "data"
    n_documents = len(set(documents(folder / "train.txt")))
    assert shared_of(config) == {"documents": n_documents, "train": n_documents, "val": 0}
    with pytest.raises(UsageError, match="is set, but the tokenizer would be trained on the training text"):
        tokenize(tiny_config(tmp_path, tokenizer={"disjoint": True}), quiet)
    copied = {"folder": str(folder / "tokenizer"), "disjoint": True}
    expected = f"of the {n_documents} documents .* {n_documents} are in train.txt and 0 in val.txt"
    with pytest.raises(FileFormatError, match=expected):
        tokenize(tiny_config(tmp_path / "other", tokenizer=copied), quiet)
    assert not (tmp_path / "other" / "data" / "train.bin").exists()


def test_a_tokenizer_of_other_documents_brings_its_proof_along(tmp_path: Path) -> None:
    first = apart(tmp_path)
    tokenize(first, quiet)
    copied = {"folder": str(tmp_path / "data" / "tokenizer"), "disjoint": True}
    same_text = {
        "source": "local",
        "path": "",
        "bytes": None,
        "files": {"train": str(tmp_path / "data" / "train.txt")},
    }
    second = tiny_config(tmp_path / "other", tokenizer=copied, dataset=same_text)
    tokenize(second, quiet)
    assert shared_of(second) == shared_of(first)
    for name in (provenance.FACTS_FILE, provenance.DIGESTS_FILE):
        beside = (tmp_path / "other" / "data" / "tokenizer" / name).read_bytes()
        assert beside == (tmp_path / "data" / "tokenizer" / name).read_bytes()


def test_only_the_documents_that_were_used_are_noted(tmp_path: Path) -> None:
    config = apart(tmp_path, train_bytes=3000)
    tokenize(config, quiet)
    folder = tmp_path / "data"
    used = (folder / "tokenizer.txt").read_text()
    n_used = len({document for document in documents(folder / "apart.txt") if document in used})
    assert 0 < shared_of(config)["documents"] - n_used <= 1  # The last document may have been cut short.


def test_unknown_documents_are_not_called_disjoint(tmp_path: Path) -> None:
    tokenize(apart(tmp_path), quiet)
    source = tmp_path / "data" / "tokenizer"
    (source / provenance.FACTS_FILE).unlink()
    config = tiny_config(tmp_path / "other", tokenizer={"folder": str(source), "disjoint": True})
    with pytest.raises(FileFormatError, match="nobody noted which documents the tokenizer was trained on"):
        tokenize(config, quiet)
    told = tiny_config(tmp_path / "told", tokenizer={"folder": str(source)})
    tokenize(told, quiet)
    assert shared_of(told) is None


@pytest.mark.parametrize("damage", ["digest", "tokenizer", "json", "missing"])
def test_a_damaged_proof_is_one_clear_error(damage: str, tmp_path: Path) -> None:
    seen = provenance.digests_of([b"one", b"two"])
    provenance.write(tmp_path, "f", seen)
    facts = json.loads((tmp_path / provenance.FACTS_FILE).read_bytes())
    if damage == "missing":
        (tmp_path / provenance.DIGESTS_FILE).unlink()
    else:
        edited = {"digest": facts | {"sha256": "0"}, "tokenizer": facts | {"tokenizer": "g"}, "json": []}[damage]
        (tmp_path / provenance.FACTS_FILE).write_text(json.dumps(edited))
    with pytest.raises(
        FileFormatError, match="another tokenizer" if damage == "tokenizer" else "is damaged or of an"
    ):
        provenance.read(tmp_path, "f")


def test_a_text_without_documents_cannot_be_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("no documents here\n" * 100)
    dataset = {"source": "local", "path": "", "bytes": None, "files": {"train": str(tmp_path / "plain.txt")}}
    config = tiny_config(tmp_path, dataset={**dataset, "tokenizer_share": 0.5})
    with pytest.raises(FileFormatError, match=r"holds no separator .* so no documents can be kept for the tokenizer"):
        tokenize(config, quiet)


def test_shares_that_leave_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MergelabError, match=r"tokenizer_share: 0.5 and validation_share 0.5 leave no document"):
        tiny_config(tmp_path, dataset={"tokenizer_share": 0.5, "validation_share": 0.5})


WORDS = st.lists(st.sampled_from([b"a", b"b", b" a ", b"a\n", b"", b" ", b"\0", b"\0\0", b"ab"]))


@given(ours=WORDS, theirs=WORDS)
def test_digests_tell_which_documents_are_shared(ours: list[bytes], theirs: list[bytes]) -> None:
    one, other = provenance.digests_of(ours), provenance.digests_of(theirs)
    expected = ({document.strip() for document in ours} & {document.strip() for document in theirs}) - {b""}
    assert provenance.n_shared(one, other) == len(expected)
    assert len(one) == len({document.strip() for document in ours} - {b""})


def test_digests_come_back_as_they_were_written(tmp_path: Path) -> None:
    seen = provenance.digests_of([b"%d" % number for number in range(1000)])
    provenance.write(tmp_path, "f", seen)
    found = provenance.read(tmp_path, "f")
    assert found is not None
    assert np.array_equal(found, seen)
    assert np.load(tmp_path / provenance.DIGESTS_FILE).shape == (1000, 16)


def test_documents_of_a_text_may_end_at_a_byte(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"one|two|three|")
    assert [list(documents_of(path, b"|", stop)) for stop in (None, 4, 5)] == [
        [b"one", b"two", b"three", b""], [b"one"], [b"one", b"two"],
    ]  # fmt: skip
    assert len(list(documents_of(path, b"#"))) == 1
