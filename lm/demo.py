"""An interactive look at generation: every token with its bytes, its probability and its alternatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch

from impls import Tokenizer
from impls.errors import MergelabError
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
        for row in vocabulary_statistics(trained.tokenizer):
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
        text = read(f"{label} [{'off' if old is None else old}]: ").strip()
        if not text:
            continue
        try:
            value: Any = None if field in ("top_k", "top_p") and text in ("0", "off") else kind(text)
            sampling = replace(sampling, **{field: value})
        except MergelabError as error:
            write(f"{error}; {label} stays {old}")
        except ValueError:
            write(f"{label}: {text!r} is not a number; {label} stays {old}")
    return sampling


def token_text(token: bytes) -> str:
    """Return a token as text; bytes that are not UTF-8 and characters that are not printable are escaped."""
    text = token.decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def token_table(tokenizer: Tokenizer, ids: list[int]) -> Iterator[str]:
    """Yield the lines of a table: the id, the token as text, and the bytes of the token in hex."""
    rule = "-" * 60
    yield from ("Tokenization breakdown:", rule, f"{'Token ID':<11}{'Token':<21}Bytes", rule)
    for token_id in ids:
        token = tokenizer.vocab[token_id]
        yield f"{token_id:<11}{token_text(token):<20} {token.hex(' ')}"
    yield rule


def vocabulary_statistics(tokenizer: Tokenizer) -> Iterator[str]:
    """Yield lines that describe the vocabulary."""
    special = set(tokenizer.special_tokens.values())
    tokens = [token for token_id, token in tokenizer.vocab.items() if token_id not in special]
    longest = max(tokens, key=len)
    partial = sum(_is_partial(token) for token in tokens)
    yield f"{len(tokenizer.vocab)} tokens: {len(tokens)} of text, {len(special)} special"
    yield f"{len(tokenizer.merges)} merges, split pattern {tokenizer.pattern}"
    yield f"{sum(token.startswith(b' ') for token in tokens)} begin with a space, {partial} are no whole characters"
    mean = sum(map(len, tokens)) / len(tokens)
    yield f"{mean:.2f} bytes per token; the longest is {token_text(longest)!r}: {len(longest)}"


def _is_partial(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return True
    return False


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
        yield "".join(f"[{token_text(tokenizer.vocab[token_id])}]" for token_id in ids + sample)
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
