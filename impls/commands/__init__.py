"""The commands of `python -m impls`: one module per command."""

from impls.command_line import Program

PROGRAM = Program(
    "impls",
    "Train, apply and list BPE implementations.",
    {
        "count": "count the pretokens of text, to train on the counts later",
        "train": "train a vocabulary on text or on counts",
        "encode": "encode text to a file of ids",
        "decode": "decode a file of ids to text",
        "pick": "tell which implementation auto takes for a text of some size, and why",
        "warm": "compile all kernels ahead and keep them in the cache",
        "list": "list the implementations of each stage, simplest first",
    },
    out_of_memory="use --impl jit, which needs the least memory",
)
