"""The commands of `python -m reports`, one module each."""

from impls.command_line import Program

PROGRAM = Program(
    "reports",
    "What the records say.",
    {
        "build": "print the ladders and write the report; this is the default",
        "compare": "say what got faster or slower",
        "measurements": "write what impl='auto' decides from",
        "tour": "write the figures and diagrams of TOUR.md",
    },
    default="build",
)
