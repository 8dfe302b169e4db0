"""`python -m lm params`: parameters, operations and memory of a config."""

from argparse import ArgumentParser, Namespace

from lm.commands.options import add_config, read_config


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--measure", action="store_true", help="take a step, and print the measured bytes as well")
    parser.add_argument(
        "--memory", type=float, metavar="GB", help="predict the largest batch that fits into this memory"
    )


def run(options: Namespace) -> None:
    """Print the table."""
    from lm.memory import report

    for line in report(read_config(options), measure=options.measure, gigabytes=options.memory):
        print(line)
