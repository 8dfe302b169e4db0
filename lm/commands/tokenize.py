"""`python -m lm tokenize`: from a data set to the tokenizer and the ids that training reads."""

from argparse import ArgumentParser, Namespace

from lm.commands.options import add_config, read_config


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)


def run(options: Namespace) -> None:
    """Make the folder of the data; print a line about each part."""
    from lm.shards import tokenize

    tokenize(read_config(options))
