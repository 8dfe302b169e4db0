"""Blocks as one HTML page that needs no other file and no network; it runs no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from impls.inspection.blocks import Block, Boundaries, Drawing, Heading, Plot, Sentences, Table
from impls.inspection.pages.plot import plot

MARK = '<meta name="generator" content="mergelab">'
"""By this line, near the beginning of a file, we know our own pages."""

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#ddd, #3a3f47); --quiet: light-dark(#5c6570, #9aa4b0);
  --t0: light-dark(#cfe3ff, #1d3d66); --t1: light-dark(#d5f0d0, #22501f); --t2: light-dark(#ffe2c2, #66411a);
  --t3: light-dark(#eed7f7, #4d2a5c); --t4: light-dark(#d0f0f0, #1b5050); --t5: light-dark(#f9d4d4, #612626); }
body { margin: 0 auto; padding: 1rem 1.25rem 3rem; max-width: 72rem; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin: 1.6rem 0 .4rem; } p { margin: .2rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem; }
caption { text-align: left; white-space: nowrap; font-weight: 600; padding: .2rem 0; }
th, td { text-align: left; padding: .2rem 1.1rem .2rem 0; border-bottom: 1px solid var(--line); }
td { white-space: pre-wrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
pre, .tokens { font-family: ui-monospace, monospace; font-size: .9rem; line-height: 1.7; overflow-wrap: anywhere; }
pre { overflow-x: auto; line-height: 1.35; }
.tokens span { white-space: pre-wrap; border-radius: .2rem; padding: .1rem 0; }
.t0 { background: var(--t0); } .t1 { background: var(--t1); } .t2 { background: var(--t2); }
.t3 { background: var(--t3); } .t4 { background: var(--t4); } .t5 { background: var(--t5); }
svg { width: min(100%, 44rem); height: auto; } svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
svg line { stroke: var(--line); } svg circle { fill: light-dark(#1f5fa8, #7db3ef); } figcaption { font-weight: 600; }
figure { margin: 1rem 0; } footer { color: var(--quiet); margin-top: 2rem; }
"""


def page(title: str, blocks: Iterable[Block], footer: str) -> str:
    """Return the page; all text is escaped."""
    body = "\n".join(part for block in blocks for part in _parts(block))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{MARK}\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{_safe(title)}</h1>\n"
        f"{body}\n<footer>{_safe(footer)}</footer>\n</body>\n</html>\n"
    )


def _safe(text: str) -> str:
    """Escape a text; a surrogate, which UTF-8 cannot hold, is written as an escape."""
    return escape(text.encode("utf-8", "backslashreplace").decode())


def _parts(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"<h2>{_safe(block.text)}</h2>"
        case Sentences():
            yield from (f"<p>{_safe(line)}</p>" for line in block.lines)
        case Drawing():
            yield f"<pre>{_safe(chr(10).join(block.lines))}</pre>"
        case Table():
            yield from _table(block)
        case Boundaries():
            yield f"<p>{_safe(block.label)}</p>" if block.label else ""
            spans = (f'<span class="t{place % 6}">{_safe(token)}</span>' for place, token in enumerate(block.tokens))
            yield f'<div class="tokens">{"<wbr>".join(spans)}</div>'
        case Plot():
            yield f"<figure><figcaption>{_safe(block.title)}</figcaption>{plot(block)}</figure>"


def _table(table: Table) -> Iterator[str]:
    kinds = [' class="number"' if column.is_number else "" for column in table.columns]
    yield '<div class="wide"><table>'
    yield f"<caption>{_safe(table.title.rstrip(':'))}</caption>" if table.title else ""
    heads = (
        f'<th scope="col"{kind}>{_safe(column.name)}</th>' for kind, column in zip(kinds, table.columns, strict=True)
    )
    yield f"<thead><tr>{''.join(heads)}</tr></thead><tbody>"
    for row in table.rows:
        cells = (f"<td{kind}>{_safe(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"
