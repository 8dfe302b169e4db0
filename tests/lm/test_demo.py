"""The interactive demo: transcripts by function, and once through a terminal."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from impls import Tokenizer
from lm.demo import HELP, demo, token_table
from lm.generate import Sampling, steps
from lm.shards import tokenize
from lm.train import train
from lm.trained import Trained
from tests.lm.test_models import CONFIGS, scrambled
from tests.support.lm_runs import ENVIRONMENT, quiet, tiny_config

EMOJI = "🙃"
VOCAB = {i: bytes([i]) for i in range(256)} | {256: b"he", 257: b"ll", 258: " \u00e9".encode(), 259: b"<s>"}
TOKENIZER = Tokenizer(VOCAB, [(b"h", b"e"), (b"l", b"l")], ["<s>"])
SMALL = Tokenizer({i: bytes([i]) for i in range(90)} | {96: b"<s>"}, [], ["<s>"])
START = Sampling(temperature=0.8, max_new_tokens=6, seed=3)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return Trained(scrambled(CONFIGS["gpt2"]), SMALL, 96)


def transcript(trained: Trained, lines: list[str], sampling: Sampling = START) -> list[str]:
    """What is written in answer to lines; the end of input follows."""
    source: Iterator[str] = iter(lines)
    written: list[str] = []

    def read(prompt: str) -> str:
        written.append(prompt)
        try:
            return next(source)
        except StopIteration:
            raise EOFError from None

    demo(trained, sampling, read, written.append)
    return written


def test_tokens_are_shown_with_their_own_bytes() -> None:
    table = list(token_table(TOKENIZER, TOKENIZER.encode(f"hello\n{EMOJI[0]}<s>")))
    assert table[0] == "Tokenization breakdown:"
    assert table[4:-1] == [
        "256        he                   68 65",
        "257        ll                   6c 6c",
        "111        o                    6f",
        r"10         \n                   0a",
        r"240        \xf0                 f0",
        r"159        \x9f                 9f",
        r"153        \x99                 99",
        r"131        \x83                 83",
        "259        <s>                  3c 73 3e",
    ]


def test_help_unknown_commands_and_the_ends(trained: Trained) -> None:
    assert transcript(trained, ["/help", "/nonsense", "", "/quit", "never read"]) == [
        HELP,
        *("> ", HELP),
        *("> ", "/nonsense: unknown command; /help lists them"),
        *("> ", "> ", "bye"),
    ]
    assert transcript(trained, []) == [HELP, "> ", "", "bye"]

    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    written: list[str] = []
    demo(trained, START, interrupt, written.append)
    assert written == [HELP, "", "bye"]


def test_params_change_and_bad_input_keeps(trained: Trained) -> None:
    first, second = ["0.5", "3", "2", "4", "0.9"], ["hot", "-1", "", "off", "7"]
    answers = ["/params", *first, "/params", *second, "/params", "-2", "", "", "", "off", "/params", *[""] * 5]
    written = transcript(trained, answers)
    asked = [line for line in written if line.endswith("]: ")]
    assert asked == [
        *("temperature [0.8]: ", "length [6]: ", "samples [1]: ", "top-k [off]: ", "top-p [off]: "),
        *("temperature [0.5]: ", "length [3]: ", "samples [2]: ", "top-k [4]: ", "top-p [0.9]: "),
        *("temperature [0.5]: ", "length [3]: ", "samples [2]: ", "top-k [off]: ", "top-p [0.9]: "),
        *("temperature [0.5]: ", "length [3]: ", "samples [2]: ", "top-k [off]: ", "top-p [off]: "),
    ]
    assert any(line.startswith("top-p: 7.0 is out of range") and line.endswith("stays 0.9") for line in written)
    assert "temperature: 'hot' is not a number; temperature stays 0.5" in written
    assert any("each at least 1; length stays 3" in line for line in written)
    assert any(line.startswith("temperature: -2.0") and line.endswith("temperature stays 0.5") for line in written)


def test_tokens_describes_the_vocabulary(trained: Trained) -> None:
    written = "\n".join(transcript(Trained(trained.model, TOKENIZER, 259), ["/tokens"]))
    assert "260 tokens: 259 of text, 1 special" in written
    assert "2 merges, split pattern gpt2" in written
    assert "2 begin with a space, 128 are no whole characters" in written


def test_generation_shows_boundaries_text_and_the_distribution_drawn_from(trained: Trained) -> None:
    sampling = Sampling(temperature=0.8, top_k=3, max_new_tokens=4, n_samples=2, seed=3)
    written = transcript(trained, ["#$"], sampling)
    assert [line for line in written if line.startswith("Sample")] == [
        "Sample 1 of 2, seed 3:",
        "Sample 2 of 2, seed 4:",
    ]
    details = [line for line in written if "log p" in line]
    ids = SMALL.encode("#$")
    expected = [(tokens.tolist(), probabilities) for tokens, probabilities in steps(trained.model, ids, sampling)]
    rows = iter(details)
    for place in range(2):
        for tokens, probabilities in expected:
            line = next(rows, "")
            p = float(probabilities[place, tokens[place]])
            assert line.split()[0] == str(tokens[place])
            assert f"p {p:.4f}  log p {torch.tensor(p).log().item():8.4f}" in line
            shown = [float(value) for value in re.findall(r"' (\d\.\d{4})", line)]
            top = probabilities[place].topk(3).values
            assert shown == pytest.approx(top.tolist(), abs=1e-4)
            assert sum(shown) == pytest.approx(1.0, abs=1e-3)
            if tokens[place] == 96:
                break
    assert next(rows, None) is None
    boundaries = written[written.index("Generated text with token boundaries:") + 1]
    assert boundaries.startswith("[#][$][")
    assert written[written.index("Clean text:") + 1].startswith("#$")


def test_an_impossible_prompt_is_a_line_not_an_end(trained: Trained) -> None:
    written = transcript(trained, ["\u00e9", "/quit"])
    assert written[-1] == "bye"
    assert any("0xc3" in line or "195" in line or "\u00e9" in line for line in written)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    config = tiny_config(folder, training={"max_steps": 2})
    tokenize(config, quiet)
    train(config, folder / "run")
    return folder / "run"


def shown_until(terminal: int, pattern: str = "never") -> str:
    """What the terminal shows until a pattern is there, or nothing follows."""
    shown = b""
    while not re.search(pattern.encode(), shown, re.DOTALL):
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    return shown.decode()


def on_a_terminal(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lm", "demo", str(folder), "--tokens", "5"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT)
    os.close(theirs)
    return process, ours


@pytest.mark.slow
def test_a_session_on_a_terminal(run_folder: Path) -> None:
    process, terminal = on_a_terminal(run_folder)
    os.write(terminal, b"Once\n/tokens\n/params\n0\n\n\n\n\n/quit\n")
    text = shown_until(terminal)
    assert process.wait(60) == 0
    for expected in ("Clean text:", "320 tokens", "temperature [0.8]:", "bye"):
        assert expected in text


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_ctrl_c_leaves_and_sigterm_is_an_interrupt(number: int, status: int, run_folder: Path) -> None:
    process, terminal = on_a_terminal(run_folder)
    os.write(terminal, b"Once\n")
    shown_until(terminal, "Clean text:.*> ")
    time.sleep(1)  # A signal between the prompt and the wait for a line would be noticed with the next line only.
    process.send_signal(number)
    assert process.wait(60) == status
    text = shown_until(terminal)
    assert ("interrupted" in text) == (status != 0)
    assert "bye" in text
