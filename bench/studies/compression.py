"""How many bytes does a token stand for?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

from bench import SPECIAL_TOKENS
from bench.inputs import Inputs, inputs
from bench.studies.study import Check, Measured, OutputError, Point, Scale, Study
from data import get
from impls.registry import most_advanced

DOCUMENTS, SEED = 10, 0
"""Number of the sampled documents, and the seed of the draw."""


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points for tokenizers trained on stories or on code, each applied to new documents of both kinds."""
    del folder, scale
    for domain in ("stories", "stdlib"):
        for vocab_size in (1_000, 8_000, 16_000):
            for target in ("stories", "stdlib"):
                facts = {"trained_on": domain, "vocab_size": vocab_size, "documents": DOCUMENTS, "seed": SEED}
                take = partial(measure_compression, inputs(domain, 2_000_000, vocab_size), target)
                yield Point(f"trained on {domain}, {vocab_size:,}", f"documents of {target}", "", take, facts)


def measure_compression(trained: Inputs, target: str, check: Check, scale: Scale) -> Measured:
    """Encode some documents from after the training text; a sample is the bytes per token of one document."""
    del check, scale
    tokenizer = trained.tokenizer(most_advanced("encode", compiled=True).name)
    unseen = get(target, 4_000_000).read_bytes()[2_000_000:].split(SPECIAL_TOKENS[0].encode())[1:-1]
    chosen = Random(SEED).sample([text for text in unseen if len(text) > 500], DOCUMENTS)
    samples = []
    for text in chosen:
        ids = tokenizer.encode(text)
        if tokenizer.decode_bytes(ids) != text:
            raise OutputError("the ids of a document do not decode to this document; repair the encoder")
        samples.append(len(text) / len(ids))
    return Measured(samples, {"corpus_sha256": trained.sha256, "tokens_in_vocabulary": len(tokenizer.vocab)})


STUDY = Study(
    title="Compression",
    question="How many bytes does a token stand for?",
    x="text",
    x_unit="",
    unit="bytes per token",
    points=points,
)
