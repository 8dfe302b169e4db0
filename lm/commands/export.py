"""`python -m lm export`: write a folder that transformers can load; with --upload, send it to a hub."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.command_line import tell
from lm.commands import PROGRAM
from lm.commands.options import add_source


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_source(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write to")
    parser.add_argument("--upload", metavar="OWNER/NAME", help="send the folder to a Hugging Face hub as well")
    parser.add_argument("--dry-run", action="store_true", help="only list the files that would be sent")


def run(options: Namespace) -> None:
    """Write the folder; with --upload, send it to a hub."""
    from impls.digests import MANIFEST
    from lm.export import export
    from lm.hub import upload
    from lm.trained import load_trained

    reason = export(load_trained(options.source), options.out)
    files = ["config.json", MANIFEST, "model.safetensors", "tokenizer/", "tokenizer_config.json"]
    print(f"{options.out}: {', '.join(files if reason else [*files, 'tokenizer.json'])}")
    if reason:
        tell(PROGRAM.name, "note", f"AutoTokenizer cannot load {options.out}: {reason}")
    if options.upload and options.dry_run:
        for path in sorted(path for path in options.out.rglob("[!.]*") if path.is_file()):
            print(f"would send {path.relative_to(options.out)}, {path.stat().st_size} bytes, to {options.upload}")
    elif options.upload:
        print(upload(options.out, options.upload))
