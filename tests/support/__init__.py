"""What tests share: the project's folder, an oracle that shares no line with the product, records, small runs."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The folder of the project, from which commands are run."""
