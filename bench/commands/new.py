"""`python -m bench new STAGE/NAME --from PARENT`: begin an implementation as a copy of another one.

    python -m bench new encode/lru --from cached

The command writes the module, its row in the registry, its words in the report and its step in the tour, or nothing
at all. The copy runs, and gives the same output as its parent. `python -m bench try encode/lru` says whether the
changed copy is right and whether it is faster.

Exit status 0 when all was written, 1 when a file cannot be written, 2 for a name that cannot be used.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from bench.template.request import request
from bench.template.write import changes, write


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("implementation", metavar="STAGE/NAME", help="the new implementation, such as encode/lru")
    parser.add_argument("--from", dest="parent", metavar="PARENT", required=True, help="what to copy, such as cached")


def run(options: Namespace) -> None:
    """Write all files, and say where to work."""
    wanted = request(options.implementation, options.parent)
    changed = changes(wanted)
    write({name: content for name, (content, _) in changed.items()})
    print(f"{wanted.stage}/{wanted.name} is a copy of {wanted.stage}/{wanted.parent.name}:")
    width = max(map(len, changed))
    for name, (_, advice) in reversed(changed.items()):
        print(f"  {name:{width}}  {advice}")
    if wanted.parent.compiled:
        print(f"It shares the kernels of {wanted.parent.name}; copy a kernel under a new name before you change it.")
    print(f"Then: python -m bench try {wanted.stage}/{wanted.name}")
