"""The commands of `python -m bench`, one module each. The benchmarks themselves are run by `pytest bench`."""

from impls.command_line import Program

PROGRAM = Program(
    "bench",
    "Measure how implementations grow, how they compare with other tokenizers, and a training step.",
    {
        "studies": "measure how the implementations grow",
        "peers": "measure training and encoding against other tokenizers",
        "step": "time a training step beside nanoGPT's and transformers' GPT-2",
        "compare": "let the working tree and another revision take turns",
        "fuzz": "search for faults with random inputs",
    },
    out_of_memory="measure on less text, or with a smaller batch",
    interrupted="there is no record",
)
