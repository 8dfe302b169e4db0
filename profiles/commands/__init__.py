"""The commands of `python -m profiles`, one module each."""

from impls.command_line import Program

PROGRAM = Program(
    "profiles",
    "Look inside any stage and implementation.",
    {
        "run": "run one tool on one target",
        "suite": "run a chosen set of profiles and keep a record",
        "list": "show tools, stages, implementations and workloads",
    },
    interrupted="no record was written",
)
