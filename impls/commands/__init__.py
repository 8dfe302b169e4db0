"""The commands of `mergelab`: one module per command.

A command imports what does the work inside `run`: loading NumPy takes longer than printing `--help`.
"""

from impls.command_line import Program
from impls.version import version

PROGRAM = Program(
    "impls",
    "Train byte-level BPE tokenizers, and encode and decode text with them.",
    {
        "count": "count the pretokens of text, to train on the counts later",
        "train": "train a vocabulary on text or on counts",
        "extend": "add tokens to a tokenizer; all old ids stay",
        "prune": "remove tokens from a tokenizer, by size or by use on a text",
        "encode": "encode text to files of ids",
        "decode": "decode a file of ids to text",
        "export": "write a tokenizer as tokenizer.json, as tiktoken's ranks or as GPT-2's files",
        "import": "read a tokenizer of another program, and save it as ours",
        "inspect": "look into a tokenizer: one token, a text, a file, or the whole vocabulary",
        "compare": "compare tokenizers on the same file",
        "pick": "tell which implementation auto takes for a text of some size, and why",
        "warm": "compile all kernels ahead and keep them in the cache",
        "list": "list the implementations of each stage, simplest first",
    },
    out_of_memory="use --impl jit, which needs the least memory",
    version=version,
    examples="""
%(prog)s train corpus.txt --vocab-size 320 --special-token '<|endoftext|>' --out tok
%(prog)s encode tok corpus.txt --out corpus.bin
%(prog)s decode tok corpus.bin --out again.txt
%(prog)s encode --help        # options and examples of one command
""",
)
