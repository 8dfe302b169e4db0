"""The commands of `python -m reports`, one module per command."""

from impls.command_line import Program

PROGRAM = Program(
    "reports",
    "Reports from the records of benchmarks and profiles.",
    {
        "build": "print the ladders and write the report; this is the default",
        "compare": "compare two records: which cases got faster or slower",
        "measurements": "write the times from which impl='auto' decides",
        "reference": "make the committed report, and keep the records from which it is made",
        "tour": "write the figures and diagrams of TOUR.md",
    },
    default="build",
)
