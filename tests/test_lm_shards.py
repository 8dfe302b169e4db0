"""From text to ids on disk to windows: splits, restarts, guards, exact windows."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from lm_runs import END, tiny_config

from impls import MergelabError, Tokenizer
from lm import shards
from lm.config import DataConfig, DatasetConfig, RunConfig
from lm.corpora import prepare
from lm.ops import IGNORE_INDEX
from lm.shards import TrainBatches, get_batch, mask_after_eos, open_data, tokenize, validation_batches, windows


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    config = tiny_config(tmp_path_factory.mktemp("ids"))
    tokenize(config, quiet)
    return config


@pytest.fixture
def copy(made: RunConfig, tmp_path: Path) -> RunConfig:
    """Ids of one's own to damage."""
    shutil.copytree(made.data.folder, tmp_path / "data")
    return made.model_copy(update={"data": made.data.model_copy(update={"folder": str(tmp_path / "data")})})


def metadata_of(config: RunConfig) -> dict[str, object]:
    return json.loads((Path(config.data.folder) / "metadata.json").read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_ids_decode_to_the_text_and_metadata_count_them(made: RunConfig) -> None:
    folder = Path(made.data.folder)
    found = open_data(made.data, 320)
    metadata = metadata_of(made)
    for split, ids in {"train": found.train, "val": found.val}.items():
        text = (folder / f"{split}.txt").read_bytes()
        assert found.tokenizer.decode_bytes(ids) == text
        assert metadata["splits"][split] == {
            "ids": len(ids),
            "documents": text.count(END.encode()),
            "bytes": len(text) - len(END) * text.count(END.encode()),
        }
        assert ids.dtype == np.uint16
        assert found.token_bytes[ids].sum() == metadata["splits"][split]["bytes"]
    assert metadata["tokenizer"] == Tokenizer.load(folder / "tokenizer").fingerprint()
    assert found.eos_id == metadata["eos_id"] == 319
    assert not list((folder / "shards").iterdir())


def test_splits_share_no_document_and_the_tokenizer_saw_only_one(made: RunConfig) -> None:
    folder = Path(made.data.folder)
    documents = {split: set((folder / f"{split}.txt").read_text().split(END)) - {""} for split in ("train", "val")}
    assert documents["train"]
    assert documents["val"]
    assert not documents["train"] & documents["val"]


def test_a_second_call_changes_nothing(made: RunConfig) -> None:
    before = contents(Path(made.data.folder))
    said: list[str] = []
    tokenize(made, said.append)
    assert contents(Path(made.data.folder)) == before
    assert said == [f"{made.data.folder}: is complete"]


def test_an_interrupted_run_keeps_finished_shards(made: RunConfig, tmp_path: Path, monkeypatch) -> None:
    config = tiny_config(tmp_path, data={"shard_bytes": 9_000})
    encode, encoded = shards._encode_range, []

    def interrupted(*arguments: object) -> None:
        encoded.append(arguments[-1])
        if len(encoded) == 4:
            raise KeyboardInterrupt
        encode(*arguments)

    monkeypatch.setattr(shards, "_encode_range", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tokenize(config, quiet)
    assert not (tmp_path / "data" / "metadata.json").exists()
    tokenize(config, quiet)
    assert len(encoded) == len(set(encoded)) + 1 > 6
    whole, parts = contents(Path(made.data.folder)), contents(tmp_path / "data")
    assert (whole["train.bin"], whole["val.bin"]) == (parts["train.bin"], parts["val.bin"])


def test_wide_ids_on_request_and_narrow_ones_only_where_they_fit(tmp_path: Path, made: RunConfig) -> None:
    wide = tiny_config(tmp_path, data={"dtype": "uint32"})
    tokenize(wide, quiet)
    found = open_data(wide.data, 320)
    assert found.train.dtype == np.uint32
    np.testing.assert_array_equal(found.train, open_data(made.data, 320).train)
    vocab = {i: bytes([i]) for i in range(256)} | {70_000: b"<|endoftext|>"}
    large = Tokenizer(vocab, [], [END])
    large.save(tmp_path / "large")
    changes = {"tokenizer": {"folder": str(tmp_path / "large")}, "model": {"vocab_size": 70_001}}
    refused = tiny_config(tmp_path, **changes, data={"folder": str(tmp_path / "narrow"), "dtype": "uint16"})
    with pytest.raises(MergelabError, match=r"data\.dtype: uint16 holds ids below 65536"):
        tokenize(refused, quiet)
    taken = tiny_config(tmp_path, **changes, data={"folder": str(tmp_path / "auto")})
    tokenize(taken, quiet)
    assert open_data(taken.data, 70_001).train.dtype == np.uint32


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


def test_a_folder_made_from_other_configs_is_left_alone(made: RunConfig) -> None:
    before = contents(Path(made.data.folder))
    other = made.model_copy(update={"tokenizer": made.tokenizer.model_copy(update={"vocab_size": 300})})
    with pytest.raises(MergelabError, match="was made from another data set or tokenizer config"):
        tokenize(other, quiet)
    assert contents(Path(made.data.folder)) == before


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def raise_an_id(path: Path) -> None:
    ids = np.fromfile(path, np.uint16)
    ids[777] = 320
    ids.tofile(path)


def another_tokenizer(path: Path) -> None:
    vocab = {i: bytes([i]) for i in range(256)} | {319: END.encode()}
    Tokenizer(vocab, [], [END]).save(path)


DAMAGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing shard": ("train.bin", Path.unlink, r"train\.bin: No such file"),
    "truncated shard": ("val.bin", truncate, r"val\.bin: has \d+ bytes, not the \d+"),
    "id beyond the vocabulary": ("train.bin", raise_an_id, r"train\.bin: id 320 at place 777 is not below.* 320"),
    "other tokenizer": ("tokenizer", another_tokenizer, "made with another tokenizer"),
    "missing tokenizer": ("tokenizer", shutil.rmtree, "tokenizer"),
    "missing metadata": ("metadata.json", Path.unlink, "run python -m lm tokenize"),
    "damaged metadata": ("metadata.json", lambda path: path.write_text("{"), "is damaged"),
    "future metadata": ("metadata.json", lambda path: path.write_text('{"version": 2}'), "another version"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_before_training(damage: str, copy: RunConfig) -> None:
    name, act, message = DAMAGES[damage]
    act(Path(copy.data.folder) / name)
    with pytest.raises(MergelabError, match=message) as error:
        open_data(copy.data, 320)
    assert "\n" not in str(error.value)


def test_a_model_with_a_smaller_vocabulary_is_refused(made: RunConfig) -> None:
    with pytest.raises(MergelabError, match="is not below the vocabulary size 300"):
        open_data(made.data, 300)


# Windows.

IDS = np.arange(1000, 1100, dtype=np.uint16)


def data_config(**values: object) -> DataConfig:
    return DataConfig(folder="-", **{"block_size": 10, "batch_size": 4, **values})


def test_random_windows_are_windows_everywhere_equally_often() -> None:
    generator = np.random.default_rng(0)
    x, y = get_batch(IDS, 20_000, 90, "cpu", generator)
    assert x.dtype == torch.int64
    torch.testing.assert_close(x, x[:, :1] + torch.arange(90))
    torch.testing.assert_close(y, x + 1)
    counts = torch.bincount(x[:, 0] - 1000)
    assert len(counts) == 10
    assert (counts - 2000).abs().max() < 5 * 2000**0.5


def test_a_window_needs_one_id_more() -> None:
    x, _ = get_batch(IDS, 3, 99)
    assert x[:, 0].tolist() == [1000] * 3
    with pytest.raises(MergelabError, match=r"data\.block_size: 100 needs 101 ids, there are 100"):
        get_batch(IDS, 3, 100)


def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises((RuntimeError, AssertionError)):
        get_batch(IDS, 1, 10, "cuda:99")


@pytest.mark.parametrize(
    ("block", "stride", "expected"), [(10, 10, 9), (10, 5, 18), (10, 1, 90), (99, 1, 1), (33, 33, 3)]
)
def test_ordered_windows_are_counted(block: int, stride: int, expected: int) -> None:
    assert windows(100, block, stride) == expected
    batches = TrainBatches(
        IDS, data_config(block_size=block, stride=stride, batch_size=1, sampling="ordered"), seed=0
    )
    starts = [int(batches[number][0][0, 0]) - 1000 for number in range(expected + 1)]
    assert starts == [*range(0, expected * stride, stride), 0]


def test_batches_depend_on_seed_and_number_alone_and_are_dealt_to_processes() -> None:
    config = data_config()
    whole = TrainBatches(IDS, config, seed=3)
    parts = [TrainBatches(IDS, config, seed=3, rank=rank, n_ranks=2) for rank in (0, 1)]
    for number in (5, 0, 5):
        x, y = whole[number]
        torch.testing.assert_close(y, x + 1)
        torch.testing.assert_close(torch.stack([parts[0][number][0], parts[1][number][0]], 1).flatten(0, 1), x)
    assert not torch.equal(whole[5][0], whole[6][0])
    assert not torch.equal(whole[5][0], TrainBatches(IDS, config, seed=4)[5][0])


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_the_same_batches_with_and_without_workers(workers: int) -> None:
    batches = TrainBatches(IDS, data_config(workers=workers, prefetch=3), seed=0)
    for number, (x, y) in enumerate(batches.loader(7, 12), 7):
        torch.testing.assert_close((x, y), batches[number])
    assert number == 11


@pytest.mark.parametrize(("block", "stride"), [(10, 10), (10, 4), (7, 7), (99, 99), (150, 150)])
def test_validation_predicts_every_id_but_the_first_once(block: int, stride: int) -> None:
    seen = []
    for x, y in validation_batches(IDS, data_config(block_size=block, stride=stride, batch_size=3)):
        assert x.shape == y.shape
        kept = y != IGNORE_INDEX
        torch.testing.assert_close(y[kept], x[kept] + 1)
        seen += y[kept].tolist()
    assert sorted(seen) == list(range(1001, 1100))


def test_targets_behind_the_first_end_are_ignored() -> None:
    targets = np.array([[5, 9, 6, 9, 7], [9, 1, 2, 3, 4], [1, 2, 3, 4, 9], [1, 1, 1, 1, 1]])
    i = IGNORE_INDEX
    expected = [[5, 9, i, i, i], [9, i, i, i, i], [1, 2, 3, 4, 9], [1, 1, 1, 1, 1]]
    np.testing.assert_array_equal(mask_after_eos(targets, 9), expected)
    ids = np.array([1, 9, 2, 3, 4, 9, 5, 6, 7, 8, 1], np.uint16)
    config = data_config(block_size=5, mask_after_eos=True, batch_size=2)
    ((_, y),) = validation_batches(ids, config, 9)
    assert y.tolist() == [[9, i, i, i, i], [5, 6, 7, 8, 1]]
