"""The commands of `python -m lm`, one module each.

A command imports the parts of the trainer inside `run`: loading PyTorch takes seconds, and `--help` does not need it.
"""

from impls.command_line import Program

PROGRAM = Program(
    "lm",
    "Train Transformer language models, and use them.",
    {
        "tokenize": "make the tokenizer and the ids that training reads",
        "train": "train: text, tokenizer, ids, model, samples",
        "generate": "continue a prompt",
        "demo": "generate interactively, token by token",
        "evaluate": "score models on documents and HellaSwag, and compare them",
        "study": "train a model on several tokenizers and seeds, and compare the tokenizers",
        "export": "write a folder that transformers loads",
        "params": "predict parameters, operations and memory of a config",
        "batch": "find the largest batch that fits by trying",
    },
    out_of_memory="lower data.batch_size, or find the largest batch with python -m lm batch",
)
