"""Tables for the terminal."""

from __future__ import annotations

import pandas as pd

from reports.figures.tables import Table
from reports.pages.formats import write


def as_text(table: Table) -> str:
    """Return a table as lines of text with aligned columns."""
    labels = [write(label) for label in table.head]
    return pd.DataFrame([list(map(write, row)) for row in table.rows], columns=labels).to_string(index=False)
