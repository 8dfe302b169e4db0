"""An interactive look at generation: every token with its bytes, its probability and its alternatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch

from impls import Tokenizer
from impls.errors import MergelabError
from impls.inspection.figures.text import tokens_of
from impls.inspection.figures.vocabulary import vocabulary_sizes
from impls.inspection.pages.terminal import boundary_line, table_lines
from impls.inspection.words import text
from impls.inspection.words.forms import token_text
from impls.inspection.words.vocabulary import size_lines
from lm.generate import Sampling, steps
from lm.trained import Trained

ALTERNATIVES = 5

HELP = """\
Type a prompt, or a command:
  /help    show this list
  /params  change temperature, length, samples, top-k, top-p
  /tokens  describe the vocabulary
  /quit    leave, as do the end of input and Ctrl-C"""

PARAMETERS: tuple[tuple[str, str, type[int] | type[float]], ...] = (
    ("temperature", "temperature", float),
    ("length", "max_new_tokens", int),
    ("samples", "n_samples", int),
    ("top-k", "top_k", int),
    ("top-p", "top_p", float),
)
"""The parameters that `/params` asks for: label, field of `Sampling`, type."""

Read = Callable[[str], str]
Write = Callable[[str], None]


def demo(trained: Trained, sampling: Sampling, read: Read = input, write: Write = print) -> None:
    """Answer prompts until `/quit`, the end of input or Ctrl-C.

    Args:
        trained: the model.
        sampling: the parameters to start with.
        read: shows a prompt and returns a line; raises EOFError at the end.
        write: shows a line.
    """
    write(HELP)
    try:
        while (line := read("> ").strip("\r\n")) != "/quit":
            try:
                sampling = answer(line, trained, sampling, read, write)
            except MergelabError as error:
                write(str(error))
    except (EOFError, KeyboardInterrupt):
        write("")
    write("bye")


def answer(line: str, trained: Trained, sampling: Sampling, read: Read, write: Write) -> Sampling:
    """Carry out one line of input; return the sampling parameters for the next line."""
    if line == "/params":
        return ask_parameters(sampling, read, write)
    if line == "/help":
        write(HELP)
    elif line == "/tokens":
        for row in size_lines(vocabulary_sizes(trained.tokenizer.definition)):
            write(row)
    elif line.startswith("/"):
        write(f"{line}: unknown command; /help lists them")
    elif line:
        for row in show_generation(trained, line, sampling):
            write(row)
    return sampling


def ask_parameters(sampling: Sampling, read: Read, write: Write) -> Sampling:
    """Ask for each parameter; an empty or invalid answer keeps the old value."""
    for label, field, kind in PARAMETERS:
        old = getattr(sampling, field)
        answered = read(f"{label} [{'off' if old is None else old}]: ").strip()
        if not answered:
            continue
        try:
            value: Any = None if field in ("top_k", "top_p") and answered in ("0", "off") else kind(answered)
            sampling = replace(sampling, **{field: value})
        except MergelabError as error:
            write(f"{error}; {label} stays {old}")
        except ValueError:
            write(f"{label}: {answered!r} is not a number; {label} stays {old}")
    return sampling


def token_table(tokenizer: Tokenizer, ids: list[int]) -> Iterator[str]:
    """Yield the lines of a table: the id, the token as text, and the bytes of the token in hex."""
    return table_lines(text.token_table(tokens_of(tokenizer, ids)))


def show_generation(trained: Trained, prompt: str, sampling: Sampling) -> Iterator[str]:
    """Yield lines that show the tokens of the prompt, then each sample: token by token, with boundaries, and as text.

    Each probability is taken after temperature, top-k and top-p, from the distribution that the token was drawn from.
    """
    tokenizer = trained.tokenizer
    ids = tokenizer.encode(prompt)
    yield from token_table(tokenizer, ids)
    samples: list[list[int]] = [[] for _ in range(sampling.n_samples)]
    details: list[list[str]] = [[] for _ in range(sampling.n_samples)]
    ended = [False] * sampling.n_samples
    for tokens, probabilities in steps(trained.model, ids, sampling, known=tokenizer.vocab):
        for place, token_id in enumerate(tokens.tolist()):
            if ended[place]:
                continue
            details[place].append(_detail(tokenizer, token_id, probabilities[place]))
            ended[place] = token_id == trained.eos_id
            if not ended[place]:
                samples[place].append(token_id)
        if all(ended):
            break
    for number, (sample, rows) in enumerate(zip(samples, details, strict=True), 1):
        yield f"Sample {number} of {sampling.n_samples}, seed {sampling.seed + number - 1}:"
        yield from rows
        yield "Generated text with token boundaries:"
        yield boundary_line(text.boundaries("", tokens_of(tokenizer, ids + sample)).tokens)
        yield "Clean text:"
        yield tokenizer.decode(ids + sample)


def _detail(tokenizer: Tokenizer, token_id: int, probabilities: torch.Tensor) -> str:
    p = float(probabilities[token_id])
    values, others = probabilities.topk(min(ALTERNATIVES, len(probabilities)))
    shown = ", ".join(
        f"{token_text(tokenizer.vocab.get(other, b'?'))!r} {value:.4f}"
        for value, other in zip(values.tolist(), others.tolist(), strict=True)
        if value > 0
    )
    token = tokenizer.vocab.get(token_id, b"?")
    return f"  {token_id:<8}{token_text(token):<18} p {p:.4f}  log p {math.log(p):8.4f}  of: {shown}"
