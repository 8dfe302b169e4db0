"""The table of studies: which quantity is varied, on which implementations. Adding a study is adding a function."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases import SPECIAL_TOKENS, WORKERS, Prepared, count, output_digest, prepare
from bench.proof import code_digest
from bench.sweeps import chains, fresh, texts
from bench.sweeps.faults import points, tokenizer_faults
from bench.sweeps.measure import Check, Measured, OutputError, Point, Scale, Study, timed
from bench.sweeps.trainer_faults import trainer_faults
from data import get
from impls.registry import Impl, find, implementations

SIZES = tuple(scale * 10**power for power in range(3, 9) for scale in (3, 10))
"""Bytes of text, three points a factor of ten."""

VOCABULARY = 512
"""Of the studies that do not vary it: small enough for the naive trainer."""


@dataclass(frozen=True)
class Text:
    """What is worked on: a corpus as `data.get` takes it, how much of it, and the vocabulary trained on it."""

    corpus: str
    n_bytes: int | None
    vocab_size: int = VOCABULARY

    def prepared(self) -> Prepared:
        """Return the inputs of all stages."""
        return prepare(self.corpus, self.n_bytes, self.vocab_size)


def work(impl: Impl, text: Text, workers: int) -> Callable[[], Any]:
    """Prepare a stage's work on a text: what is returned is timed."""
    inputs = text.prepared()
    if impl.stage == "count":
        return partial(count, impl, inputs.corpus, workers)
    if impl.stage == "train":
        return partial(impl.load(), inputs.pretokens, n_merges=inputs.n_merges)
    tokenizer, content = inputs.tokenizer(impl.name), inputs.content
    return partial(tokenizer.encode_to_array, content, workers=workers)


def stage_point(impl: Impl, text: Text, x: float | str, workers: int = WORKERS) -> Point:
    """Return the point of one implementation on one text; outputs of a stage on a text must be equal."""

    def measure(check: Check, scale: Scale) -> Measured:
        measured: Measured = timed(partial(work, impl, text, workers), output_digest, loads=impl.compiled)(
            check, scale
        )
        inputs = text.prepared()
        measured.facts.update(
            bytes=inputs.corpus.n_bytes,
            characters=len(inputs.content),
            corpus_sha256=inputs.sha256,
            pretokens=int(inputs.pretokens.counts.sum()),
            unique_pretokens=len(inputs.pretokens),
        )
        return measured

    facts = {
        "stage": impl.stage,
        "impl": impl.name,
        "vocab_size": text.vocab_size,
        "workers": workers,
        "code_sha256": code_digest(impl),
    }
    return Point(f"{impl.stage}/{impl.name}", x, f"{impl.stage} {text}", measure, facts)


def everyone(*stages: str, without: Sequence[str] = ()) -> list[Impl]:
    """Return the implementations of stages, simplest first."""
    rows = [row for stage in stages for row in implementations(stage)]
    return [row for row in rows if f"{row.stage}/{row.name}" not in without]


DOCUMENTS, SEED = 10, 0
"""Documents that are sampled for the study of compression."""

WORKERS_BYTES = 16_000_000
"""Text for compiled code in the study of workers: several ranges for each."""


def size(folder: Path, scale: Scale) -> Iterator[Point]:
    """All implementations on texts of growing size."""
    del folder
    for n_bytes in SIZES:
        if n_bytes <= scale.largest:
            text = Text("stories", n_bytes)
            yield from (stage_point(row, text, n_bytes) for row in everyone("count", "train", "encode"))


def vocabulary(folder: Path, scale: Scale) -> Iterator[Point]:
    """Trainers and encoders with vocabularies of growing size."""
    del folder
    n_bytes = min(scale.largest // 10, 10_000_000)
    for vocab_size in (300, 1_000, 3_000, 10_000, 30_000):
        text = Text("stories", n_bytes, vocab_size)
        rows = everyone("train", "encode", without=("train/naive", "encode/naive", "encode/set_pairs", "encode/heap"))
        yield from (stage_point(row, text, vocab_size) for row in rows)


def duplication(folder: Path, scale: Scale) -> Iterator[Point]:
    """Trainers on texts of one size in which a part is repeated more and more often."""
    del scale
    for times in (1, 2, 4, 8, 16, 32):
        text = Text(texts.repeated(folder, 8_000, times), None, 300)
        yield from (stage_point(row, text, times) for row in everyone("train"))


def workers(folder: Path, scale: Scale) -> Iterator[Point]:
    """What works in parallel, with one worker, two, and so on to the number of cores."""
    del folder, scale
    numbers = [2**power for power in range(WORKERS.bit_length()) if 2**power <= WORKERS]
    for name, n_bytes in (("process_pool", 4_000_000), ("jit", WORKERS_BYTES)):
        for number in numbers:
            yield stage_point(find("count", name), Text("stories", n_bytes), number, number)
    for number in numbers:
        yield stage_point(find("encode", "jit"), Text("stories", WORKERS_BYTES), number, number)


def pretoken_length(folder: Path, scale: Scale) -> Iterator[Point]:
    """Trainers and encoders on random words of growing length, hardly any of them twice."""
    del scale
    for length in (4, 16, 64, 256, 1_024, 4_096):
        text = Text(texts.words(folder, 10_000, length), None, 400)
        rows = everyone("train", "encode", without=("train/naive",))
        yield from (stage_point(row, text, length) for row in rows)


def script(folder: Path, scale: Scale) -> Iterator[Point]:
    """The same stories in letters of one to four bytes."""
    del scale
    rows = [find(*name) for name in (
        ("count", "finditer"), ("count", "jit"), ("train", "incremental"), ("train", "jit"),
        ("encode", "cached"), ("encode", "jit"),
    )]  # fmt: skip
    for name in texts.SCRIPTS:
        text = Text(texts.in_script(folder, 200_000, name), None)
        yield from (stage_point(row, text, name) for row in rows)


def calls(folder: Path, scale: Scale) -> Iterator[Point]:
    """Single calls of `Tokenizer.encode` on texts of 10 to 10,000 characters that were all seen once."""
    del folder
    prepared = Text("stories", 1_000_000, 4_096).prepared
    for length in (10, 100, 1_000, 10_000):
        for row in everyone("encode"):
            yield Point(
                f"encode/{row.name}",
                length,
                f"calls of {length}",
                partial(measure_calls, row, prepared, length),
                {"stage": "encode", "impl": row.name, "vocab_size": 4_096, "code_sha256": code_digest(row)},
            )
    del scale


def measure_calls(impl: Impl, prepared: Callable[[], Prepared], length: int, check: Check, scale: Scale) -> Measured:
    """Time calls one by one; the samples are those of different texts."""
    inputs = prepared()
    tokenizer, content = inputs.tokenizer(impl.name), inputs.content
    parts = [content[start : start + length] for start in range(0, min(len(content), 200 * length), length)]
    parts = parts[: 200 if scale.name == "long" else max(10, min(50, 50_000 // length))]
    seen = [tokenizer.encode(part) for part in parts]
    check(output_digest(np.concatenate([np.array(ids, np.int32) for ids in seen])))
    samples = []
    for part in parts:
        started = time.perf_counter()
        tokenizer.encode(part)
        samples.append(time.perf_counter() - started)
    return Measured(samples, {"calls": len(parts), "corpus_sha256": inputs.sha256})


def start(folder: Path, scale: Scale) -> Iterator[Point]:
    """From the start of a process to a trained tokenizer that has encoded: no code kept, code kept, same process."""
    del folder
    text = str(Text("stories", 30_000).prepared().corpus.path)
    for name, chain in (("pure Python", ("incremental", "cached")), ("compiled", ("jit", "jit"))):
        for state in ("empty cache", "full cache", "warm process"):
            rounds = 1 if state == "empty cache" and scale.name == "quick" else 3
            job = {"job": "start", "path": text, "trainer": chain[0], "encoder": chain[1]}
            yield Point(name, state, "start", partial(fresh.measure_start, job, state, rounds), {"workers": WORKERS})


def memory(folder: Path, scale: Scale) -> Iterator[Point]:
    """Peak memory of counting in a process of its own, by size of the file and workers, children included."""
    del folder
    for n_bytes in (1_000_000, 10_000_000):
        path = str(Text("stories", n_bytes).prepared().corpus.path)
        for row in everyone("count"):
            for number in (1, WORKERS) if row.name in ("process_pool", "jit") and WORKERS > 1 else (1,):
                job = {"job": "count", "impl": row.name, "path": path, "workers": number}
                series = f"count/{row.name}, {number} worker{'s' if number > 1 else ''}"
                facts = {"impl": row.name, "workers": number, "bytes": n_bytes, "code_sha256": code_digest(row)}
                yield Point(series, n_bytes, f"memory {n_bytes}", partial(fresh.measure_peak, job), facts)
    del scale


def trainer_memory(folder: Path, scale: Scale) -> Iterator[Point]:
    """Peak memory of the compiled trainer beside what the sizes of its arrays predict."""
    del folder
    row = find("train", "jit")
    for n_bytes in (1_000_000, 10_000_000, min(30_000_000, 3 * scale.largest)):
        path = str(Text("stories", n_bytes).prepared().corpus.path)
        job = {"job": "train_memory", "path": path, "vocab_size": 4_096}
        facts = {"bytes": n_bytes, "vocab_size": 4_096, "code_sha256": code_digest(row)}
        yield Point("train/jit", n_bytes, "", partial(fresh.measure_peak, job), facts)


def compression(folder: Path, scale: Scale) -> Iterator[Point]:
    """Bytes a token of tokenizers from two domains, on documents of both that they were not trained on."""
    del folder, scale
    for domain in ("stories", "stdlib"):
        for vocab_size in (1_000, 8_000, 16_000):
            for target in ("stories", "stdlib"):
                facts = {"trained_on": domain, "vocab_size": vocab_size, "documents": DOCUMENTS, "seed": SEED}
                take = partial(measure_compression, Text(domain, 2_000_000, vocab_size), target)
                yield Point(f"trained on {domain}, {vocab_size:,}", f"documents of {target}", "", take, facts)


def measure_compression(trained: Text, target: str, check: Check, scale: Scale) -> Measured:
    """Encode sampled documents that come after the training text; a sample is the bytes a token of one of them."""
    del check, scale
    inputs = trained.prepared()
    tokenizer = inputs.tokenizer("jit")
    unseen = get(target, 4_000_000).read_bytes()[2_000_000:].split(SPECIAL_TOKENS[0].encode())[1:-1]
    chosen = random.Random(SEED).sample([text for text in unseen if len(text) > 500], DOCUMENTS)
    samples = []
    for text in chosen:
        ids = tokenizer.encode(text)
        if tokenizer.decode_bytes(ids) != text:
            raise OutputError("a document is not what its ids decode to")
        samples.append(len(text) / len(ids))
    return Measured(samples, {"corpus_sha256": inputs.sha256, "tokens_in_vocabulary": len(tokenizer.vocab)})


def ten_thousand(folder: Path, scale: Scale) -> Iterator[Point]:
    """A vocabulary of 10,000 in a process of its own: time, memory, the longest token."""
    del folder
    sizes = (1_000_000, 10_000_000) if scale.name == "quick" else (10_000_000, 100_000_000, scale.largest)
    for n_bytes in sizes:
        path = str(Text("stories", n_bytes).prepared().corpus.path)
        for name in ("incremental", "jit"):
            job = {"job": "train", "path": path, "impl": name, "vocab_size": 10_000}
            facts = {"bytes": n_bytes, "impl": name, "vocab_size": 10_000}
            if name == "incremental" and n_bytes > 10_000_000:
                continue
            measure = partial(fresh.measure_seconds, job)
            yield Point(f"train/{name}", n_bytes, f"10K {n_bytes}", measure, facts)


def faults(folder: Path, scale: Scale) -> Iterator[Point]:
    """Known faults of programs like this one, each beside what is done here."""
    del folder, scale
    yield from points(tokenizer_faults())
    yield from points(trainer_faults())


STUDIES: dict[str, tuple[str, str, str, Callable[[Path, Scale], Iterator[Point]]]] = {
    "size": ("How does time grow with the corpus?", "corpus in bytes", "s", size),
    "vocabulary": ("How does time grow with the vocabulary?", "vocabulary in tokens", "s", vocabulary),
    "duplication": (
        "What does working on unique pretokens bring, by how often they repeat?",
        "copies of one part in a text of 8 KB",
        "s",
        duplication,
    ),
    "workers": ("What do more workers bring?", "workers", "s", workers),
    "pretoken_length": ("What do long pretokens cost?", "bytes a pretoken", "s", pretoken_length),
    "script": ("What do characters of several bytes cost?", "script", "s", script),
    "calls": ("How long does a small call take?", "characters a call", "s", calls),
    "start": ("How long does it take until the first result?", "state", "s", start),
    "stages": ("Where does the time go from a file to a file of ids?", "stage", "s", chains.stages),
    "merges": ("How does the cost of a merge change as training goes on?", "merge", "s", chains.merges),
    "memory": ("How much memory does counting need?", "corpus in bytes", "bytes", memory),
    "trainer_memory": (
        "Is the trainer's memory what its arrays predict?",
        "corpus in bytes",
        "bytes",
        trainer_memory,
    ),
    "compression": ("How many bytes does a token stand for?", "text", "bytes a token", compression),
    "ten_thousand": ("What does a vocabulary of 10,000 cost?", "corpus in bytes", "s", ten_thousand),
    "faults": ("What do the known faults of tokenizer programs cost?", "fault", "s", faults),
}
"""Name -> question, what is varied, unit of the samples, points."""


GROWING = ("size", "vocabulary", "pretoken_length")
"""Studies in which time grows with what is varied."""


def studies(names: Sequence[str], folder: Path, scale: Scale) -> list[Study]:
    """Return studies by name; `folder` is where their texts are put."""
    rows = [(name, *STUDIES[name]) for name in names]
    return [
        Study(name, question, x, unit, partial(make, folder, scale), name in GROWING)
        for name, question, x, unit, make in rows
    ]
