"""`python -m lm evaluate`: score models document by document and on HellaSwag, and compare them."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impls.errors import UsageError
from lm.commands.options import add_device, add_source

if TYPE_CHECKING:
    from lm.results import Scores


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_source(parser, several=True)
    parser.add_argument(
        "--text", type=Path, help="UTF-8 text or .jsonl; by default the validation text of the first run"
    )
    parser.add_argument("--bytes", type=int, help="score whole documents up to so many bytes; all by default")
    parser.add_argument("--hellaswag", type=Path, metavar="FILE", help="items, one JSON object per line; .xz is read")
    parser.add_argument("--items", type=int, help="number of items to score; all by default")
    parser.add_argument("--block", type=int, help="tokens that a model sees at once; the block size of its run")
    parser.add_argument("--stride", type=int, help="tokens from one window to the next; by default the block size")
    parser.add_argument("--batch", type=int, default=8, help="windows in a batch; changes no score")
    parser.add_argument("--paired", action="store_true", help="compare every model with the first, with intervals")
    parser.add_argument("--json", action="store_true", help="print a JSON line per document, item and model")
    add_device(parser)


def run(options: Namespace) -> None:
    """Print the scores."""
    from lm.results import comparisons

    if options.paired and len(options.source) < 2:
        raise UsageError("--paired: compares models; give at least two")
    for name, value in {"--bytes": options.bytes, "--items": options.items, "--batch": options.batch}.items():
        if value is not None and value < 1:
            raise UsageError(f"{name}: {value} is below 1; give at least 1")
    found: list[Scores] = []
    for source in options.source:
        scores = _score(options, source)
        for line in map(json.dumps, scores.rows()) if options.json else scores.lines():
            print(line, flush=True)
        found.append(scores)
    for other in found[1:] if options.paired else []:
        for told in comparisons([found[0]], [other]):
            print(json.dumps(told.row()) if options.json else told.text)


def _score(options: Namespace, source: Path) -> Scores:
    """Score one model."""
    from lm.documents import first_documents, read_documents
    from lm.evaluate import Windows, score_documents
    from lm.hellaswag import read_items, score_items
    from lm.processes import find_device
    from lm.results import Scores
    from lm.trained import load_trained

    device = find_device(options.device, "--device")
    trained = load_trained(source, device)
    block = options.block or trained.block_size or trained.model.config.context_length
    windows = Windows(block, options.stride or block, options.batch)
    common: dict[str, Any] = {"name": str(source), "windows": windows}
    if options.hellaswag is None or options.text is not None:
        text, separator = (options.text, trained.separator) if options.text else _validation_text(options.source[0])
        documents = first_documents(read_documents(text, separator), options.bytes)
        common["documents"] = list(score_documents(trained.model, trained.tokenizer, documents, windows, device))
    if options.hellaswag is not None:
        items = islice(read_items(options.hellaswag), options.items)
        common["items"] = list(score_items(trained.model, trained.tokenizer, items, device, options.batch))
    return Scores(**common)


def _validation_text(source: Path) -> tuple[Path, str]:
    """Return the validation text of a run, and the text between its documents."""
    from lm.config_files import load_run
    from lm.trained import run_folder

    config = run_folder(source) / "config.yaml"
    if not config.exists():
        raise UsageError(f"{source}: is not a run with a validation text; give --text FILE")
    run = load_run(config)
    return Path(run.data.folder) / "val.txt", run.dataset.separator
