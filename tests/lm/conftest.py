"""What several modules of these tests start from: ids on disk, and a finished run."""

from pathlib import Path

import pytest

from lm.config import RunConfig
from lm.shards import tokenize
from lm.train import train
from tests.support.lm_runs import quiet, tiny_config


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ids of the tiny config."""
    folder = tmp_path_factory.mktemp("home")
    tokenize(tiny_config(folder), quiet)
    return folder


@pytest.fixture(scope="module")
def made(home: Path) -> RunConfig:
    """The config whose ids are on disk."""
    return tiny_config(home)


@pytest.fixture(scope="module")
def finished(home: Path) -> Path:
    """An uninterrupted run."""
    assert train(tiny_config(home), home / "whole") == 0
    return home / "whole"
