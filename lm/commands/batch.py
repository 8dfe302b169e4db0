"""`python -m lm batch`: the largest batch that fits into memory."""

from argparse import ArgumentParser, Namespace

from lm.commands.options import add_config, read_config


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--limit", type=int, default=4096, help="largest number of windows to try")


def run(options: Namespace) -> None:
    """Print the number of windows."""
    from lm.memory import largest_batch

    config = read_config(options)
    print(f"{largest_batch(config, options.limit)} windows of {config.data.block_size} ids fit")
