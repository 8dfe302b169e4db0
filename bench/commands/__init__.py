"""The commands of `python -m bench`, one module per command. `pytest bench` runs the benchmarks themselves."""

from impls.command_line import Program

PROGRAM = Program(
    "bench",
    "Begin an implementation and try it; measure growth, training steps, and other tokenizers.",
    {
        "new": "begin an implementation as a copy of another one",
        "try": "check an implementation, time it beside its parent and the fastest one, and profile it",
        "exercise": "fill in a function of the ladder, and check your solution",
        "studies": "measure how the time and memory of the implementations grow",
        "peers": "measure training and encoding against other tokenizers",
        "step": "time a training step beside nanoGPT's and transformers' GPT-2",
        "compare": "let the working tree and another revision take turns",
        "fuzz": "search for faults with random inputs",
    },
    out_of_memory="measure on less text, or with a smaller batch",
    interrupted="there is no record",
)
