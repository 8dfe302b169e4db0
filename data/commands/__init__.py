"""The commands of `python -m data`, one module per command."""

from impls.command_line import Program

PROGRAM = Program(
    "data",
    "The corpora to measure on.",
    {
        "list": "show all corpora",
        "make": "make or fetch a corpus and print its path",
        "fetch": "download a corpus and print its path",
        "verify": "check cached corpora against their digests",
    },
    interrupted="run the command again; a download resumes",
)
