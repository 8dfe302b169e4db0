"""Known faults of programs that train language models that no other test of the trainer would catch (ruling 9)."""

from pathlib import Path

import pytest
import torch

from lm.batches import open_data, validation_batches
from lm.evaluate import score_windows
from lm.models import build
from lm.ops import IGNORE_INDEX
from lm.shards import tokenize
from lm.train import validate
from tests.support.lm_runs import END, tiny_config


@pytest.mark.parametrize("vocab_size", [300, 320])
def test_targets_are_masked_by_the_id_that_the_tokenizer_has_now(vocab_size: int, tmp_path: Path) -> None:
    # The id that ends a document comes with the ids, so that no config can hold that of another vocabulary.
    changes = {"tokenizer": {"vocab_size": vocab_size}, "data": {"mask_after_eos": True, "block_size": 200}}
    config = tiny_config(tmp_path, model={"context_length": 200}, **changes)
    tokenize(config, lambda _: None)
    data = open_data(config.data, config.model.vocab_size)
    assert data.eos_id == data.tokenizer.special_tokens[END] == vocab_size - 1
    masked = 0
    for _, y in validation_batches(data.val, config.data, data.eos_id):
        for row in y.tolist():
            first = row.index(data.eos_id) if data.eos_id in row else len(row)
            assert set(row[first + 1 :]) <= {IGNORE_INDEX}
            masked += len(row[first + 1 :])
    assert masked > 200
    model, n_batches = build(config.model), config.training.eval_batches
    masked_loss, whole_loss = (
        score_windows(model, validation_batches(data.val, config.data, eos_id), "cpu", n_batches).loss
        for eos_id in (data.eos_id, None)
    )
    assert validate(model, data, config, torch.device("cpu"))["val_loss"] == masked_loss != whole_loss
