"""The commands of `python -m impls`, one module each."""

from impls.command_line import Program

PROGRAM = Program(
    "impls",
    "Train, apply and list BPE implementations.",
    {
        "train": "train a vocabulary on a text file",
        "encode": "encode a text file to a file of ids",
        "decode": "decode a file of ids to text",
        "pick": "tell which implementation auto takes, and why",
        "warm": "compile all kernels ahead and leave them in the cache",
        "list": "list the implementations of each stage, simplest first",
    },
    out_of_memory="the compiled implementations need the least (--impl jit)",
)
