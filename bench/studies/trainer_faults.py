"""The known faults of programs that train a language model: the result with each fault, beside our result.

No deep-learning package is needed. The model is a table of logits, one row per preceding id, trained by Adam (Kingma
and Ba 2015, https://arxiv.org/abs/1412.6980) in NumPy. `test` names the test that keeps the fault out of `lm` itself.
"""

from __future__ import annotations

import collections
import pickle
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench import SPECIAL_TOKENS
from bench.inputs import inputs
from bench.studies.fault import Fault
from impls import Tokenizer
from impls.contract import MergeEvent, Pretokens
from impls.registry import most_advanced
from impls.train.naive import merge_pair

SPECIAL = SPECIAL_TOKENS[0]

BYTES, VOCABULARY = 30_000, 320

Ids = NDArray[np.int64]
Table = NDArray[np.float64]


def tokenizer(vocab_size: int = VOCABULARY) -> Tokenizer:
    """Return a tokenizer that is trained on the text, with a vocabulary of `vocab_size`."""
    return inputs("stories", BYTES, vocab_size).tokenizer(most_advanced("encode", compiled=False).name)


@cache
def ids() -> Ids:
    """Return the text as ids, int64[n]."""
    return tokenizer().encode_to_array(inputs("stories", BYTES, VOCABULARY).content).astype(np.int64)


def softmax(logits: Table) -> Table:
    """Return probabilities along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    shares: Table = powers / powers.sum(-1, keepdims=True)
    return shares


# --- resume


def tokens_resumed(counts: dict[bytes, int], n_merges: int, resumed_at: int) -> list[bytes]:
    """Train merges with the fault: from merge `resumed_at` on, every pretoken counts as one occurrence."""
    words = [(list(word), count) for word, count in counts.items()]
    tokens = [bytes([byte]) for byte in range(256)]
    for number in range(n_merges):
        if number == resumed_at:
            words = [(word, 1) for word, _ in words]
        pairs: collections.Counter[tuple[int, int]] = collections.Counter()
        for word, count in words:
            for pair in pairwise(word):
                pairs[pair] += count
        best = max(pairs, key=lambda pair: (pairs[pair], tokens[pair[0]], tokens[pair[1]]))
        words = [(merge_pair(word, best, len(tokens)), count) for word, count in words]
        tokens.append(tokens[best[0]] + tokens[best[1]])
    return tokens


class Interrupted(Exception):
    """Takes the place of the exception that a signal raises."""


def tokens_interrupted(pretokens: Pretokens, n_merges: int, at: int) -> list[bytes]:
    """Interrupt our trainer at one of the merges, then train again, as a user does."""

    def interrupt(event: MergeEvent) -> None:
        if event.index == at:
            raise Interrupted

    train = most_advanced("train", compiled=False).load()
    with suppress(Interrupted):
        train(pretokens, n_merges=n_merges, on_merge=interrupt)
    tokens: list[bytes] = train(pretokens, n_merges=n_merges).token_bytes()
    return tokens


def wrong_tokens(loses_counts: bool) -> str:
    """Count the tokens that only an interrupted training learns."""
    made = inputs("stories", BYTES, VOCABULARY)
    n_merges, counts = made.n_merges, made.pretokens.to_mapping()
    whole = tokens_resumed(counts, n_merges, resumed_at=n_merges)
    if loses_counts:
        again = tokens_resumed(counts, n_merges, resumed_at=n_merges // 2)
    else:
        again = tokens_interrupted(made.pretokens, n_merges, at=n_merges // 2)
    return f"{len(set(again) - set(whole))} of {n_merges}"


@dataclass
class State:
    """The state that a training of the table goes on from: weights, Adam's moments, and the number of steps done."""

    weights: Table
    first: Table
    second: Table
    step: int = 0


def new_state() -> State:
    """Return the state before the first step."""
    weights, first, second = np.zeros((3, VOCABULARY, VOCABULARY))
    return State(weights, first, second)


def take_step(state: State, rate: float = 0.1, betas: tuple[float, float] = (0.9, 0.99), batch: int = 256) -> None:
    """Take a step of Adam on a batch that seed and step determine, as in `lm`."""
    places = np.random.default_rng([0, state.step]).integers(0, len(ids()) - 1, batch)
    x, y = ids()[places], ids()[places + 1]
    errors = softmax(state.weights[x])
    errors[np.arange(batch), y] -= 1
    gradient = np.zeros_like(state.weights)
    np.add.at(gradient, x, errors / batch)
    state.step += 1
    state.first += (1 - betas[0]) * (gradient - state.first)
    state.second += (1 - betas[1]) * (gradient**2 - state.second)
    first, second = state.first / (1 - betas[0] ** state.step), state.second / (1 - betas[1] ** state.step)
    state.weights -= rate * first / (np.sqrt(second) + 1e-8)


STEPS = 60


def perplexity_resumed(*kept: str) -> str:
    """Return two perplexities: after an interruption that keeps only the fields `kept`, and without interruption."""
    perplexities = []
    for interrupted_at in (STEPS // 2, None):
        state = new_state()
        for number in range(STEPS):
            if number == interrupted_at:
                checkpoint = pickle.dumps({name: value for name, value in vars(state).items() if name in kept})
                state = new_state()
                vars(state).update(pickle.loads(checkpoint))
            take_step(state)
        shares = softmax(state.weights)[ids()[:-1], ids()[1:]]
        perplexities.append(np.exp(-np.log(shares).mean()))
    return "{:.2f}, uninterrupted {:.2f}".format(*perplexities)


# --- shown numbers


def shown_and_drawn(shown_at: float, drawn_at: float = 0.5, draws: int = 10_000) -> str:
    """Return the probability of the likeliest id after " the" at `shown_at`, and its share of draws at `drawn_at`."""
    (before,) = tokenizer().encode(" the")
    counts = np.bincount(ids()[1:][ids()[:-1] == before], minlength=VOCABULARY)
    logits = np.log(counts + 0.1)
    drawn = np.random.default_rng(0).choice(VOCABULARY, draws, p=softmax(logits / drawn_at))
    likeliest = logits.argmax()
    share = np.count_nonzero(drawn == likeliest) / draws
    return f"shown {softmax(logits / shown_at)[likeliest]:.3f}, drawn {share:.3f}"


def tokens_with_wrong_bytes(decoded: bool) -> str:
    """Count the tokens that are shown with wrong bytes. With `decoded`, the bytes are those of the decoded token."""
    vocab = tokenizer().vocab
    shown = [token.decode("utf-8", "replace").encode().hex() if decoded else token.hex() for token in vocab.values()]
    wrong = sum(bytes.fromhex(text) != token for text, token in zip(shown, vocab.values(), strict=True))
    return f"{wrong} of {len(vocab)}"


# --- masks and counts


def masked_targets(eos_id: int, block: int = 128) -> str:
    """Count the targets that the loss ignores, since they come after the first end of a document in their window."""
    targets = ids()[: len(ids()) // block * block].reshape(-1, block)

    def after(end: int) -> NDArray[np.bool_]:
        ends = targets == end
        return np.asarray(np.cumsum(ends, axis=1) - ends > 0)

    wanted = after(tokenizer().special_tokens[SPECIAL])
    return f"{np.count_nonzero(after(eos_id) & wanted):,} of {np.count_nonzero(wanted):,}"


def tokens_counted(
    known_batches: int, steps: int = 10, accumulation: int = 4, batch: int = 4, block: int = 32
) -> str:
    """Return two numbers of ids in some steps: the number computed from `known_batches`, and the true number."""
    seen = 0
    for _ in range(steps):
        for _ in range(accumulation):
            seen += ids()[seen : seen + batch * block].size
    return f"{steps * known_batches * batch * block:,} of {seen:,}"


def trainer_faults() -> Iterator[Fault]:
    """Yield the faults of programs that train a language model; both results are recorded as text."""
    yield Fault(
        "a resumed training of merges has lost how often pretokens occur: wrong tokens learned",
        "trainer",
        lambda: wrong_tokens(loses_counts=True),
        lambda: wrong_tokens(loses_counts=False),
        "tests/bench/test_faults.py::test_training_again_after_an_interrupt_gives_the_same_merges",
    )
    yield Fault(
        "a checkpoint holds the weights alone, so that moments and place in the data begin anew: perplexity",
        "trainer",
        lambda: perplexity_resumed("weights"),
        lambda: perplexity_resumed("weights", "first", "second", "step"),
        "tests/lm/test_resume.py::test_a_resumed_run_ends_with_the_same_bits",
    )
    yield Fault(
        "probabilities are shown at another temperature than tokens are drawn at: the likeliest token after ` the`",
        "trainer",
        lambda: shown_and_drawn(shown_at=1.0),
        lambda: shown_and_drawn(shown_at=0.5),
        "tests/lm/test_generate.py::test_draws_follow_the_distribution",
    )
    yield Fault(
        "the bytes of a token are taken from its decoded text: tokens with wrong bytes",
        "trainer",
        lambda: tokens_with_wrong_bytes(decoded=True),
        lambda: tokens_with_wrong_bytes(decoded=False),
        "tests/lm/test_demo.py::test_tokens_are_shown_with_their_own_bytes",
    )
    yield Fault(
        "the id that ends a document comes from an earlier, larger vocabulary: masked targets",
        "trainer",
        lambda: masked_targets(tokenizer(2 * VOCABULARY).special_tokens[SPECIAL]),
        lambda: masked_targets(tokenizer().special_tokens[SPECIAL]),
        "tests/bench/test_trainer_faults.py::test_targets_are_masked_by_the_id_that_the_tokenizer_has_now",
    )
    yield Fault(
        "tokens are counted once per step, whatever the accumulation: tokens counted",
        "trainer",
        lambda: tokens_counted(known_batches=1),
        lambda: tokens_counted(known_batches=4),
        "tests/lm/test_train.py::test_tokens_count_accumulation",
    )
