"""`python -m lm generate`: continue a prompt."""

from argparse import ArgumentParser, Namespace

from lm.commands.options import add_device, add_sampling, add_source, read_sampling


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_source(parser)
    parser.add_argument("--prompt", default="", help="text to continue; without it, a new document")
    parser.add_argument("--bos", action="store_true", help="put the token that separates documents first")
    parser.add_argument("--no-cache", action="store_true", help="compute all positions again for each token")
    parser.add_argument("--raw", action="store_true", help="print the samples one after the other, nothing else")
    add_sampling(parser)
    add_device(parser)


def run(options: Namespace) -> None:
    """Print the samples."""
    from lm.generate import generate
    from lm.processes import find_device
    from lm.trained import load_trained

    sampling = read_sampling(options)
    trained = load_trained(options.source, find_device(options.device, "--device"))
    ids = trained.tokenizer.encode(options.prompt)
    if (options.bos or not ids) and trained.eos_id is not None:
        ids = [trained.eos_id, *ids]
    known, eos_id = trained.tokenizer.vocab, trained.eos_id
    samples = generate(trained.model, ids, sampling, eos_id=eos_id, use_cache=not options.no_cache, known=known)
    for number, sample in enumerate(samples, 1):
        if not options.raw and len(samples) > 1:
            print(f"--- sample {number}, seed {options.seed + number - 1}")
        print(options.prompt + trained.tokenizer.decode(sample))
