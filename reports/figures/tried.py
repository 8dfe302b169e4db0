"""Entries of the log of changes tried for speed, `profiles/LOG.md`, that were written between two commits."""

from __future__ import annotations

import re

from bench.revisions.checkout import git
from impls import MergelabError
from reports.figures.values import Link

LOG = "profiles/LOG.md"

_HEADING_OR_ENTRY = re.compile(r"^## (?P<heading>[^\n]+)$|^\d+\. \*\*(?P<title>.+?)\*\*", re.MULTILINE | re.DOTALL)


def entries(text: str) -> dict[str, str]:
    """Return a dict: title of an entry -> anchor of the heading above it."""
    found, above = {}, ""
    for match in _HEADING_OR_ENTRY.finditer(text):
        if match["heading"]:
            above = anchor(match["heading"])
        else:
            found[" ".join(match["title"].split()).rstrip(".")] = above
    return found


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def between(before: str | None, after: str | None) -> list[Link]:
    """Return links to the entries that the log has at the commit `after` and not yet at the commit `before`.

    Without the commits, such as in a copy that is no git checkout, the only link leads to the whole log.
    """
    try:
        old, new = (entries(git("show", f"{commit}:{LOG}").decode()) for commit in (before, after))
    except MergelabError:
        return [Link("log", LOG)]
    return [Link(title, f"{LOG}#{place}") for title, place in new.items() if title not in old]
