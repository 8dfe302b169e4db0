"""The known faults of tokenizer programs: each as code that is wrong, beside the code of this project.

Faults of programs that train language models are in `trainer_faults.py`.
"""

from __future__ import annotations

import collections
import pickle
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, pairwise

import numpy as np
import regex

from bench import PATTERN, SPECIAL_TOKENS
from bench.inputs import Inputs, inputs
from bench.studies.fault import Fault, Work
from impls import MergelabError, Tokenizer
from impls.contract import MergeEvent, Pretokens
from impls.count import process_pool
from impls.patterns import Splitter
from impls.registry import find, implementations

SPECIAL = SPECIAL_TOKENS[0]


def _documents(made: Inputs) -> list[str]:
    return made.content.split(SPECIAL)


def _counts(text: str) -> collections.Counter[str]:
    return collections.Counter(Splitter(PATTERN, SPECIAL_TOKENS).corpus_pretokens(text))


def speed_faults() -> Iterator[Fault]:
    """Faults that cost time."""
    small, middle = inputs("stories", 10_000, 300), inputs("stories", 300_000, 300)
    parts = [_counts(document) for document in _documents(middle)]

    def added(counters: Iterable[collections.Counter[str]]) -> collections.Counter[str]:
        total: collections.Counter[str] = collections.Counter()
        for counter in counters:
            total.update(counter)
        return total

    def train(name: str) -> Work:
        return partial(find("train", name).load(), small.pretokens, n_merges=small.n_merges)

    def encode(name: str, made: Inputs) -> Work:
        return lambda: made.tokenizer(name).encode_to_array(made.content)

    yield Fault(
        "every occurrence of a pretoken is worked on",
        "speed",
        train("naive"),
        train("weighted"),
        "tests/impls/test_trainers.py::test_all_trainers_agree_with_the_oracle",
    )
    yield Fault(
        "all pairs are counted again for every merge",
        "speed",
        train("weighted"),
        train("incremental"),
        "tests/impls/test_trainers.py::test_all_trainers_agree_with_the_oracle",
    )
    yield Fault(
        "Counters of documents are summed, each sum a copy",
        "speed",
        lambda: sum(parts, collections.Counter()),
        lambda: added(parts),
        "tests/bench/test_faults.py::test_counts_of_ranges_are_added_in_place",
    )
    yield Fault(
        "one task per document instead of a few ranges",
        "speed",
        lambda: added(pickle.loads(pickle.dumps(_counts(document))) for document in _documents(middle)),
        lambda: added([pickle.loads(pickle.dumps(_counts(middle.content)))]),
        "tests/bench/test_faults.py::test_there_are_few_tasks_and_not_one_a_document",
    )
    yield Fault(
        "pair frequencies are counted while encoding, and only the pairs are used",
        "speed",
        encode("naive", small),
        encode("set_pairs", small),
        "tests/impls/test_encoders.py::test_all_encoders_agree_with_the_oracle",
    )
    yield Fault(
        "a pretoken is merged again each time it occurs",
        "speed",
        encode("heap", middle),
        encode("cached", middle),
        "tests/impls/test_encoders.py::test_all_encoders_agree_with_the_oracle",
    )


def memory_faults() -> Iterator[Fault]:
    """Faults that cost memory: too many bytes are sent to the workers, or allocated at the same time."""
    made = inputs("stories", 1_000_000, 300)
    text = made.text
    job = partial(process_pool.count_range, text=text, pattern=PATTERN, special_tokens=tuple(SPECIAL_TOKENS))
    yield Fault(
        "the text is pickled for each worker instead of a range",
        "memory",
        lambda: len(pickle.dumps(made.content)),
        lambda: len(pickle.dumps((job, (0, text.n_bytes)))),
        "tests/bench/test_faults.py::test_a_worker_is_sent_a_range_and_not_the_text",
    )

    def peak(name: str) -> int:
        count = find("count", name).load()
        tracemalloc.start()
        count(text, pattern=PATTERN, special_tokens=SPECIAL_TOKENS, workers=1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    yield Fault(
        "all pretokens are kept in a list",
        "memory",
        partial(peak, "findall"),
        partial(peak, "finditer"),
        "tests/impls/test_counters.py::test_memory_of_finditer_does_not_grow_with_the_file",
    )


def first_seen(words: Sequence[bytes]) -> str:
    """Return the most frequent pair, with the fault: of pairs with equal counts, the first in the text wins."""
    pairs = collections.Counter(pair for word in words for pair in pairwise(word))
    return repr(bytes(max(pairs, key=pairs.__getitem__)))


def most_frequent_by_digits(counts: dict[bytes, int]) -> tuple[str, int]:
    """Return the most frequent pair, with the fault: joined digits of ids are a key, so different words collide."""
    sequences: dict[str, tuple[list[int], int]] = {}
    for word, count in counts.items():
        sequences["".join(map(str, word))] = (list(word), count)
    pairs: collections.Counter[str] = collections.Counter()
    for ids, count in sequences.values():
        for left, right in pairwise(ids):
            pairs[repr(bytes([left, right]))] += count
    return pairs.most_common(1)[0]


def most_frequent(counts: dict[bytes, int]) -> tuple[str, int]:
    """Return the token that the oracle's first merge makes, and the count of its pair."""
    events: list[MergeEvent] = []
    implementations("train")[0].load()(Pretokens.from_mapping(counts), n_merges=1, on_merge=events.append)
    return repr(events[0].token), events[0].count


def place_after(text: str, token: str, steps: int) -> str:
    """Search for a token `steps` times, each time from the end of the last match; an empty token stays in place."""
    place = 0
    for _ in range(steps):
        place = text.find(token, place) + len(token)
    return f"at character {place} of {len(text)} after {steps:,} steps"


def ids_stored_wrong(cast_first: bool) -> str:
    """Store ids that do not fit into 16 bits, checked after the cast or before; return how many are wrong."""
    # The ids of letters from "d" on are above 65,535.
    large = Tokenizer({byte + 65_436: bytes([byte]) for byte in range(256)}, [])
    ids = large.encode_to_array(inputs("stories", 10_000, 300).content)
    stored = ids.astype(np.uint16 if cast_first else large.id_dtype)
    assert stored.max() <= np.iinfo(stored.dtype).max
    return f"{np.count_nonzero(stored != ids):,} of {len(ids):,}"


def error_of(work: Work) -> str:
    """Return the message of the error that a call raises, or the text of its result."""
    try:
        return repr(work())
    except MergelabError as error:
        return f"error: {error}"


def correctness_faults() -> Iterator[Fault]:
    """Yield the faults that give a wrong result; the wrong and the right result are recorded as text."""
    vocab = {byte: bytes([byte]) for byte in range(256)}
    double = SPECIAL * 2
    # 97, 98 and 9, 79, 8: both "9798".
    counts = {b"ab": 3, b"\tO\x08": 2}
    yield Fault(
        "sequences whose keys collide overwrite each other's counts: the most frequent pair",
        "correctness",
        lambda: most_frequent_by_digits(counts),
        lambda: most_frequent(counts),
        "tests/bench/test_faults.py::test_pretokens_that_become_alike_keep_their_counts",
    )
    yield Fault(
        "ties go to the pair that was seen first: words in two orders",
        "correctness",
        lambda: [first_seen(words) for words in ([b"ab", b"cd"], [b"cd", b"ab"])],
        lambda: [most_frequent(dict.fromkeys(words, 1))[0] for words in ([b"ab", b"cd"], [b"cd", b"ab"])],
        "tests/bench/test_faults.py::test_ties_do_not_depend_on_the_order_of_the_text",
    )
    yield Fault(
        "special tokens are not in the vocabulary: the id of <|endoftext|>",
        "correctness",
        lambda: {token: token_id for token_id, token in vocab.items()}.get(SPECIAL.encode()),
        lambda: Tokenizer(vocab, [], [SPECIAL]).encode(SPECIAL)[0],
        "tests/bench/test_faults.py::test_special_tokens_are_in_the_vocabulary_even_if_absent_from_the_text",
    )
    yield Fault(
        "an empty special token is found for ever at the same place",
        "correctness",
        lambda: place_after("text", "", 1_000),
        lambda: error_of(lambda: Tokenizer(vocab, [], [""])),
        "tests/bench/test_faults.py::test_an_empty_special_token_is_an_error_and_no_endless_loop",
    )
    yield Fault(
        "of overlapping special tokens the first in the list is taken: tokens found in a doubled one",
        "correctness",
        lambda: len(regex.findall("|".join(map(regex.escape, [SPECIAL, double])), double)),
        lambda: len(Tokenizer(vocab, [], [SPECIAL, double]).encode(double)),
        "tests/bench/test_faults.py::test_of_overlapping_special_tokens_the_longest_wins",
    )
    yield Fault(
        'a pattern read with strip() loses the space at its end: pretokens of "a b"',
        "correctness",
        lambda: regex.findall("[a-z] ".strip(), "a b "),
        lambda: list(Splitter("regex:[a-z] ").pretokens("a b ")),
        "tests/bench/test_faults.py::test_a_pattern_that_ends_in_a_space_is_kept_as_it_is",
    )
    yield Fault(
        "ids are cast to 16 bits before their range is checked, and the check finds nothing: ids stored wrong",
        "correctness",
        lambda: ids_stored_wrong(cast_first=True),
        lambda: ids_stored_wrong(cast_first=False),
        "tests/bench/test_faults.py::test_ids_past_16_bits_are_not_wrapped",
    )


def tokenizer_faults() -> Iterator[Fault]:
    """Yield all faults of tokenizer programs."""
    return chain(speed_faults(), memory_faults(), correctness_faults())
