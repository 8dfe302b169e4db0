"""Fixtures that tests of tokenizers share."""

import json
from pathlib import Path

import numpy as np
import pytest

from impls import Tokenizer, train_bpe
from tests.impls.test_course import END
from tests.support.commands import BAD_UTF8
from tests.support.commands import TEXT as COMMAND_TEXT
from tests.support.tokenizers import TEXT, Merge


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, bytes], list[Merge]]:
    path = tmp_path_factory.mktemp("tokenizer") / "corpus.txt"
    path.write_bytes((TEXT * 3).encode())
    return train_bpe(path, 340, [])


@pytest.fixture(scope="module")
def tokenizer(trained: tuple[dict[int, bytes], list[Merge]]) -> Tokenizer:
    return Tokenizer(*trained, [END])


@pytest.fixture
def tokenizer_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: good inputs, a tokenizer of 270 tokens, and bad inputs of each kind."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_bytes(COMMAND_TEXT.encode())
    Path("empty.txt").touch()
    Path("bad.txt").write_bytes(BAD_UTF8)
    Path("folder").mkdir()
    vocab, merges = train_bpe("text.txt", 270, ["<s>"])
    tokenizer = Tokenizer(vocab, merges, ["<s>"])
    tokenizer.save("tok")
    tokenizer.encode_file("text.txt", "ids.bin")
    np.array([65, 66, 270], "<u2").tofile("beyond.bin")
    Path("odd.bin").write_bytes(b"abc")
    for name, damage in {"column": "lonely", "third": "a b c", "twice": "q z\nq z"}.items():
        tokenizer.save(name)
        with (tmp_path / name / "merges.txt").open("a") as file:
            file.write(f"{damage}\n")
    tokenizer.save("edited")
    settings = json.loads(Path("edited/mergelab.json").read_bytes())
    Path("edited/mergelab.json").write_text(json.dumps(settings | {"pattern": "gpt4"}))
    # A vocabulary without the byte "w".
    Tokenizer({i: token for i, token in vocab.items() if b"w" not in token}, [], ["<s>"]).save("small")
    return tmp_path
