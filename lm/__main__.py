"""The command line: `python -m lm tokenize|train|generate|evaluate|demo|export|params|batch`.

Exit status 0; 2 for bad usage, 1 for a failure, 128 + the signal for an interrupt, each with one line on standard
error.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from data import DataError
from impls.command_line import OneLineParser
from impls.errors import MergelabError, UsageError
from lm.config import KINDS, RunConfig, load_run

SOURCE_HELP = "run folder, checkpoint in one, or exported folder"


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = OneLineParser(prog="python -m lm", description="Train Transformer language models, and use them.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=OneLineParser)

    add_config(commands.add_parser("tokenize", help="make the tokenizer and the ids that training reads"))

    train = commands.add_parser("train", help="train: text, tokenizer, ids, model, samples")
    add_config(train)
    train.add_argument("--out", type=Path, metavar="FOLDER", help="of the run; runs/NAME by default")
    train.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with the run in this folder")

    generate = commands.add_parser("generate", help="continue a prompt")
    generate.add_argument("source", type=Path, help=SOURCE_HELP)
    generate.add_argument("--prompt", default="", help="text to continue; without it, a new document")
    generate.add_argument("--bos", action="store_true", help="put the token that separates documents first")
    generate.add_argument("--no-cache", action="store_true", help="compute all positions again for each token")
    generate.add_argument("--raw", action="store_true", help="print the samples one behind the other, nothing else")
    add_sampling(generate)

    demo = commands.add_parser("demo", help="generate interactively, token by token")
    demo.add_argument("source", type=Path, help=SOURCE_HELP)
    add_sampling(demo)

    evaluate = commands.add_parser("evaluate", help="loss, perplexity, bits per byte, HellaSwag")
    evaluate.add_argument("source", type=Path, help=SOURCE_HELP)
    evaluate.add_argument("--text", type=Path, help="UTF-8 text; by default the validation text of the run")
    evaluate.add_argument("--hellaswag", type=Path, metavar="FILE", help="items, one JSON object a line")
    evaluate.add_argument("--items", type=int, help="only the first so many")

    export = commands.add_parser("export", help="write a folder that transformers loads")
    export.add_argument("source", type=Path, help=SOURCE_HELP)
    export.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    export.add_argument("--upload", metavar="OWNER/NAME", help="send the folder to a Hugging Face hub as well")
    export.add_argument("--dry-run", action="store_true", help="only say what would be sent")

    params = commands.add_parser("params", help="parameters, operations and memory of a config")
    add_config(params)
    params.add_argument("--measure", action="store_true", help="build it, take a step, and put measured bytes beside")
    params.add_argument("--memory", type=float, metavar="GB", help="the largest batch that fits by prediction")

    batch = commands.add_parser("batch", help="find the largest batch that fits by trying")
    add_config(batch)
    batch.add_argument("--limit", type=int, default=4096, help="do not try more windows")
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the options that make a config."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="a run file")
    for kind, folder in KINDS.items():
        parser.add_argument(f"--{kind}", metavar="NAME", help=f"of {folder}/, or a file, instead of the run file's")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="may be repeated")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Add the options of `Sampling`."""
    parser.add_argument("--temperature", type=float, default=0.8, help="0 takes the most likely token")
    parser.add_argument("--top-k", type=int)
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--tokens", type=int, default=100, help="where a sample ends at the latest")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)


def read_config(options: argparse.Namespace) -> RunConfig:
    """Load the config that the options describe."""
    path = options.config
    if getattr(options, "resume", None):
        from lm.checkpoint import latest

        latest(options.resume)
        path = options.resume / "config.yaml"
    if path is None:
        build_parser().error("give --config FILE")
    parts = {kind: getattr(options, kind) for kind in KINDS if getattr(options, kind)}
    return load_run(path, parts, options.set)


def run_train(options: argparse.Namespace) -> int:
    """Train; an interrupted run says how to go on."""
    from lm.shards import tokenize
    from lm.train import check_start, train

    config = read_config(options)
    folder = options.resume or options.out or Path("runs") / config.name
    first = int(os.environ.get("LOCAL_RANK", 0)) == 0
    if not options.resume and first:
        check_start(config, folder)
        tokenize(config, lambda line: print(line, file=sys.stderr))
    caught = train(config, folder, resume=options.resume is not None)
    if caught and first:
        name = signal.Signals(caught).name
        print(
            f"python -m lm: {name}: stopped behind a whole step; python -m lm train --resume {folder}",
            file=sys.stderr,
        )
    return 128 + caught if caught else 0


def run_generate(options: argparse.Namespace) -> int:
    """Print samples, or talk."""
    from lm.demo import demo
    from lm.export import load_trained
    from lm.generate import Sampling, generate

    sampling = Sampling(
        options.temperature, options.top_k, options.top_p, options.tokens, options.samples, options.seed
    )
    trained = load_trained(options.source)
    if options.command == "demo":
        demo(trained, sampling)
        return 0
    ids = trained.tokenizer.encode(options.prompt)
    if (options.bos or not ids) and trained.eos_id is not None:
        ids = [trained.eos_id, *ids]
    samples = generate(trained.model, ids, sampling, eos_id=trained.eos_id, use_cache=not options.no_cache)
    for number, sample in enumerate(samples, 1):
        if not options.raw and len(samples) > 1:
            print(f"--- sample {number}, seed {options.seed + number - 1}")
        print(options.prompt + trained.tokenizer.decode(sample))
    return 0


def run_evaluate(options: argparse.Namespace) -> int:
    """Print scores."""
    from itertools import islice

    from lm.evaluate import read_items, score_file, score_hellaswag
    from lm.export import load_trained

    trained = load_trained(options.source)
    if options.hellaswag is None or options.text is not None:
        score = score_file(trained.model, trained.tokenizer, options.text or validation_text(options.source))
        print(
            f"loss {score.loss:.4f} nats a token, perplexity {score.perplexity:.3f}, {score.bits_per_byte:.4f} bits "
            f"a byte; {score.n_targets} tokens, {score.text_bytes} bytes"
        )
    if options.hellaswag is not None:
        items = islice(read_items(options.hellaswag), options.items)
        result = score_hellaswag(trained.model, trained.tokenizer, items)
        print(
            f"HellaSwag: {result.n_items} items; right by log-likelihood {result.accuracy:.4f}, over characters "
            f"{result.accuracy_by_characters:.4f}, over tokens {result.accuracy_by_tokens:.4f} (this last one not "
            "comparable between tokenizers)"
        )
    return 0


def run_export(options: argparse.Namespace) -> None:
    """Write the folder; send it if that is wanted."""
    from lm.export import export, load_trained, upload

    reason = export(load_trained(options.source), options.out)
    files = ["config.json", "model.safetensors", "tokenizer/", "tokenizer_config.json"]
    print(f"{options.out}: {', '.join(files if reason else [*files, 'tokenizer.json'])}")
    if reason:
        print(f"python -m lm: note: AutoTokenizer cannot load {options.out}: {reason}", file=sys.stderr)
    if options.upload and options.dry_run:
        for path in sorted(path for path in options.out.rglob("*") if path.is_file()):
            print(f"would send {path.relative_to(options.out)}, {path.stat().st_size} bytes, to {options.upload}")
    elif options.upload:
        print(upload(options.out, options.upload))


def validation_text(source: Path) -> Path:
    """Return the validation text of a run."""
    folder = source.parent.parent if source.is_file() else source
    if not (folder / "config.yaml").exists():
        raise UsageError(f"{source}: is no run with a validation text; give --text FILE")
    return Path(load_run(folder / "config.yaml").data.folder) / "val.txt"


def run(options: argparse.Namespace) -> int:
    """Run one command; returns the exit status."""
    if options.command == "train":
        return run_train(options)
    if options.command in ("generate", "demo"):
        return run_generate(options)
    if options.command == "evaluate":
        return run_evaluate(options)
    if options.command == "tokenize":
        from lm.shards import tokenize

        tokenize(read_config(options))
    elif options.command == "export":
        run_export(options)
    else:
        from lm.memory import largest_batch, report

        config = read_config(options)
        if options.command == "params":
            for line in report(config, measure=options.measure, gigabytes=options.memory):
                print(line)
        else:
            print(f"{largest_batch(config, options.limit)} windows of {config.data.block_size} ids fit")
    return 0


def fail(message: object, status: int) -> int:
    """Print one line, whatever is in the message, and return the status."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(message))
    print("python -m lm: error:", line, file=sys.stderr)
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = build_parser().parse_args(arguments)
    # As an exception, so that temporary files are removed; the loop of training handles it itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        status = run(options)
        sys.stdout.flush()
        return status
    except (MergelabError, DataError) as error:
        return fail(error, error.exit_status)
    except KeyboardInterrupt:
        return fail("interrupted", 130)
    except (MemoryError, RuntimeError) as error:
        from lm.memory import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        return fail("out of memory; lower data.batch_size, or see python -m lm batch", 1)
    except OSError as error:
        # What is still in the buffer cannot be written either; without this, the interpreter tries once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return fail(f"{error.filename or 'standard output'}: {error.strerror or error}", 1)


if __name__ == "__main__":
    sys.exit(main())
