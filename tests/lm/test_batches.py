"""From ids on disk to windows: guards against damage, exact windows, targets that count."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from impls import MergelabError, Tokenizer
from lm.batches import TrainBatches, get_batch, mask_after_eos, open_data, validation_batches, windows
from lm.config import DataConfig, RunConfig
from lm.ops import IGNORE_INDEX
from lm.shards import tokenize
from tests.support.lm_runs import END


@pytest.fixture
def copy(made: RunConfig, tmp_path: Path) -> RunConfig:
    """Ids of one's own to damage."""
    shutil.copytree(made.data.folder, tmp_path / "data")
    return made.model_copy(update={"data": made.data.model_copy(update={"folder": str(tmp_path / "data")})})


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
    "missing ids": ("train.bin", Path.unlink, r"train\.bin: No such file"),
    "truncated ids": (
        "val.bin",
        truncate,
        r"val\.bin: has \d+ bytes, but metadata\.json lists \d+ ids, which take \d+",
    ),
    "id beyond the vocabulary": ("train.bin", raise_an_id, r"train\.bin: id 320 at place 777 is not below.* 320"),
    "other tokenizer": ("tokenizer", another_tokenizer, "made with another tokenizer"),
    "missing tokenizer": ("tokenizer", shutil.rmtree, "tokenizer"),
    "missing metadata": ("metadata.json", Path.unlink, "run `python -m lm tokenize`"),
    "damaged metadata": ("metadata.json", lambda path: path.write_text("{"), "is damaged"),
    "incomplete metadata": ("metadata.json", lambda path: path.write_text('{"version": 1}'), "is damaged"),
    "future metadata": ("metadata.json", lambda path: path.write_text('{"version": 2}'), "another version"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_before_training(damage: str, copy: RunConfig) -> None:
    name, act, message = DAMAGES[damage]
    act(Path(copy.data.folder) / name)
    with pytest.raises(MergelabError, match=message) as error:
        open_data(copy.data, 320)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", [name for name in DAMAGES if "tokenizer" not in name])
def test_damaged_ids_are_made_again_as_the_message_says(damage: str, copy: RunConfig) -> None:
    name, act, _ = DAMAGES[damage]
    folder = Path(copy.data.folder)
    before = (folder / "train.bin").read_bytes()
    act(folder / name)
    (folder / "metadata.json").unlink(missing_ok=True)
    tokenize(copy)
    open_data(copy.data, 320)
    assert (folder / "train.bin").read_bytes() == before


def test_a_model_with_a_smaller_vocabulary_is_refused(made: RunConfig) -> None:
    with pytest.raises(MergelabError, match="is not below the vocabulary size 300"):
        open_data(made.data, 300)


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
    with pytest.raises(MergelabError, match=r"data\.block_size: a window of 100 needs 101 ids, but .* only 100"):
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


def test_targets_after_the_first_end_are_ignored() -> None:
    targets = np.array([[5, 9, 6, 9, 7], [9, 1, 2, 3, 4], [1, 2, 3, 4, 9], [1, 1, 1, 1, 1]])
    i = IGNORE_INDEX
    expected = [[5, 9, i, i, i], [9, i, i, i, i], [1, 2, 3, 4, 9], [1, 1, 1, 1, 1]]
    np.testing.assert_array_equal(mask_after_eos(targets, 9), expected)
    ids = np.array([1, 9, 2, 3, 4, 9, 5, 6, 7, 8, 1], np.uint16)
    config = data_config(block_size=5, mask_after_eos=True, batch_size=2)
    ((_, y),) = validation_batches(ids, config, 9)
    assert y.tolist() == [[9, i, i, i, i], [5, 6, 7, 8, 1]]
