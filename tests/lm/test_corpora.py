"""From data sets to two texts: documents, splits, filters, and sources that are gone or have changed."""

import json
from pathlib import Path

import pytest

from impls import MergelabError, Tokenizer
from impls.ids import NAMES
from impls.inputs.file import TextFile
from impls.jobs.ids import Order, encode_to_ids
from lm.batches import open_data
from lm.config import DatasetConfig, RunConfig
from lm.corpora import prepare
from lm.shards import tokenize
from tests.support.lm_runs import END, quiet, tiny_config


def prepared(dataset: dict[str, object], folder: Path):
    folder.mkdir(exist_ok=True)
    counts = prepare(DatasetConfig(name="d", **dataset), folder, folder / "cache")
    return counts, (folder / "train.txt").read_text(), (folder / "val.txt").read_text()


DOCUMENTS = [f"document {i} " * (i + 1) for i in range(40)]


def local(path: Path, **more: object) -> dict[str, object]:
    return {"source": "local", "files": {"train": str(path)}, **more}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(END.join(DOCUMENTS))
    return path


def test_documents_are_split_by_content_and_seed(text: Path, tmp_path: Path) -> None:
    counts, train, val = prepared(local(text, validation_share=0.3), tmp_path / "a")
    assert sorted((train + val).split(END)[:-1] if val else []) == sorted(DOCUMENTS)
    assert counts.documents == {"train": train.count(END), "val": val.count(END)}
    assert 3 < counts.documents["val"] < 22
    assert prepared(local(text, validation_share=0.3), tmp_path / "b")[2] == val
    assert prepared(local(text, validation_share=0.3, seed=1), tmp_path / "c")[2] != val


@pytest.mark.parametrize(("asked", "there"), [(1, 1), (7, 7), (40, 40), (41, 40), (1000, 40)])
def test_the_first_documents_are_taken(text: Path, tmp_path: Path, asked: int, there: int) -> None:
    counts, train, _ = prepared(local(text, max_documents=asked, validation_share=0.0), tmp_path / "a")
    assert train == "".join(document + END for document in DOCUMENTS[:there])
    assert counts.read == there


def test_filters_leave_documents_out_and_count_them(text: Path, tmp_path: Path) -> None:
    limits = {"min_characters": len(DOCUMENTS[5]), "max_characters": len(DOCUMENTS[20])}
    counts, train, _ = prepared(local(text, validation_share=0.0, **limits), tmp_path / "a")
    assert train == "".join(document + END for document in DOCUMENTS[5:21])
    assert (counts.read, counts.left_out, counts.documents["train"]) == (40, 24, 16)


def test_json_lines_and_a_validation_file(tmp_path: Path) -> None:
    for name in ("train", "validation"):
        rows = [json.dumps({"story": f"{name} {i}", "other": 1}) for i in range(5)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    files = {name: str(tmp_path / f"{name}.jsonl") for name in ("train", "validation")}
    _, train, val = prepared({"source": "local", "files": files, "text_field": "story"}, tmp_path / "a")
    assert train == "".join(f"train {i}{END}" for i in range(5))
    assert val == "".join(f"validation {i}{END}" for i in range(5))
    with pytest.raises(MergelabError, match=r"train\.jsonl: line 1: .*'text'"):
        prepared({"source": "local", "files": files}, tmp_path / "b")


def test_a_text_without_separators_gives_its_end_to_validation(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("".join(f"line {i}\n" for i in range(1000)))
    counts, train, val = prepared(local(path, validation_share=0.2), tmp_path / "a")
    assert train + val == path.read_text()
    assert val.startswith("line ")
    assert counts.text_bytes["val"] == len(val) == pytest.approx(0.2 * path.stat().st_size, abs=10)


def test_a_separator_across_blocks_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("a" * ((1 << 20) - 5) + END + "b" * 10)
    counts, train, _ = prepared(local(path, validation_share=0.0), tmp_path / "a")
    assert counts.documents["train"] == 2
    assert train.endswith("a" + END + "b" * 10 + END)


def test_ids_of_another_tokenizer_are_encoded_anew(made: RunConfig, tmp_path: Path) -> None:
    folder = Path(made.data.folder)
    dataset = {
        "source": "tokens",
        "path": "",
        "files": {"train": str(folder / "train.bin"), "validation": str(folder / "val.bin")},
        "tokenizer": str(folder / "tokenizer"),
        "bytes": None,
    }
    config = tiny_config(tmp_path, dataset=dataset, tokenizer={"vocab_size": 300})
    tokenize(config, quiet)
    again = open_data(config.data, 320)
    for name in ("train", "val"):
        assert again.tokenizer.decode_bytes(getattr(again, name)) == (folder / f"{name}.txt").read_bytes()
    assert len(again.train) > len(open_data(made.data, 320).train)


@pytest.mark.parametrize("kind", NAMES)
def test_shards_of_ids_in_any_format_become_the_text_again(kind: str, made: RunConfig, tmp_path: Path) -> None:
    folder = Path(made.data.folder)
    tokenizer = Tokenizer.load(folder / "tokenizer")
    text, shards = (folder / "train.txt").read_bytes(), tmp_path / "shards"
    shards.mkdir()
    for number, start in enumerate(range(0, len(text), 20_000)):
        part = tmp_path / f"{number}.txt"
        part.write_bytes(text[start : start + 20_000])
        encode_to_ids(tokenizer, TextFile.open(part), Order(shards / f"s{number}.bin", format=kind))
    files = {"train": [str(shards / "s0.bin"), str(shards / "s[1-9].bin")], "validation": str(folder / "val.bin")}
    dataset = {"source": "tokens", "path": "", "bytes": None, "files": files, "tokenizer": str(folder / "tokenizer")}
    config = tiny_config(tmp_path, dataset=dataset, tokenizer={"vocab_size": 300})
    tokenize(config, quiet)
    assert (tmp_path / "data" / "train.txt").read_bytes() == text
    (shards / "s1.bin").unlink()
    tokenize(config, quiet)  # What the ids were made from is not needed any more, unless it is another file now.
    (shards / "s0.bin").write_bytes(b"ab")
    with pytest.raises(MergelabError, match=r"s0\.bin: has changed since"):
        tokenize(config, quiet)


def test_shards_of_another_tokenizer_are_refused(made: RunConfig, tmp_path: Path) -> None:
    folder = Path(made.data.folder)
    other = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], [END])
    encode_to_ids(other, TextFile.open(folder / "train.txt"), Order(tmp_path / "ids.npy"))
    files = {"train": str(tmp_path / "*.npy")}
    dataset = {"source": "tokens", "path": "", "bytes": None, "files": files, "tokenizer": str(folder / "tokenizer")}
    with pytest.raises(MergelabError, match=r"ids\.npy: holds ids of another tokenizer"):
        tokenize(tiny_config(tmp_path, dataset=dataset), quiet)
    dataset["files"] = {"train": str(tmp_path / "*.bin")}
    with pytest.raises(MergelabError, match=r"\*\.bin: no file fits this pattern"):
        tokenize(tiny_config(tmp_path / "other", dataset=dataset), quiet)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"source": "local", "files": {"train": "nowhere.txt"}}, "nowhere.txt: No such file"),
        ({"path": "no-such-corpus"}, "no-such-corpus"),
        ({"max_characters": 1}, "no text is left for training"),
    ],
)
def test_a_text_that_is_not_there_is_refused(dataset: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        tokenize(tiny_config(tmp_path, dataset=dataset), quiet)
    assert not (tmp_path / "data" / "metadata.json").exists()


def test_a_text_that_changed_is_noticed_and_one_that_is_gone_is_not_needed(text: Path, tmp_path: Path) -> None:
    dataset = {**local(text), "path": "", "bytes": None}
    config = tiny_config(tmp_path, dataset=dataset, tokenizer={"vocab_size": 260})
    tokenize(config, quiet)
    tokenize(config, quiet)
    text.write_text(text.read_text() + "more")
    with pytest.raises(MergelabError, match=r"text\.txt: has changed since .*data was made from it"):
        tokenize(config, quiet)
    text.unlink()
    tokenize(config, quiet)
