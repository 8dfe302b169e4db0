"""`python -m bench step`: time a training step, print a table, keep a record.

    python -m bench step                       # 4 layers x 128, on the CPU, in float32
    python -m bench step --ops                 # each operation as well, reference beside fused
    python -m bench step --model gpt2-124m --block 1024 --batch 32 --device cuda --precision bf16 --compile

This command needs the extra `lm`, so `nox -s bench` leaves it out and `nox -s step` runs it. The package transformers
takes part if it is installed. First all sides get the same weights and must find the same loss. Then they take turns
in random order, one step at a time. A step is the forward pass, the backward pass, clipping, and a fused AdamW, the
same for all sides. A record keeps every sample.

The exit status is 0 if all was measured, and 1 if a loss differs or a package is missing.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from bench.record import write
from impls import MergelabError
from impls.arguments import check_count

NAMES = {"torch": "PyTorch"}
"""Names of packages that are not the names of their imports."""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--model", help="a GPT-2 of lm/configs/models; 4 layers x 128 by default")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--block", type=int, default=256)
    parser.add_argument("--device", default="cpu", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--ops", action="store_true", help="time the operations of 4 layers x 128 as well")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--records", type=Path, help="folder for the record; the folder of this machine by default")


def run(options: Namespace) -> None:
    """Measure, print the table, and write a record."""
    check_count("--rounds", options.rounds, 2)
    check_count("--batch", options.batch, 1)
    check_count("--block", options.block, 1)
    try:
        from bench.step.measure import Setting, measure  # Here, since PyTorch may be missing.
    except ModuleNotFoundError as error:
        name = NAMES.get(str(error.name), error.name)
        raise MergelabError(f"step needs {name}, which is missing; run `nox -s step`") from None
    setting = Setting(options.batch, options.block, options.precision, options.compile, options.rounds)
    content = measure(options.arguments, options.model, options.device, setting, with_operations=options.ops)
    print(write(content, options.records))
