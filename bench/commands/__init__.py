"""The commands of `python -m bench`, one module per command. `pytest bench` runs the benchmarks themselves."""

from impls.command_line import Program

PROGRAM = Program(
    "bench",
    "Measure how implementations grow, how they compare with other tokenizers, and a training step.",
    {
        "studies": "measure how the implementations grow",
        "peers": "measure training and encoding against other tokenizers",
        "step": "time a training step beside nanoGPT's and transformers' GPT-2",
        "fuzz": "search for faults with random inputs",
    },
    out_of_memory="measure on less text, or with a smaller batch",
    interrupted="there is no record",
)
