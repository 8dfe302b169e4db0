"""The errors of reports; each message is one line."""

from __future__ import annotations

from impls.errors import MergelabError


class ReportError(MergelabError):
    """A report cannot be made; the message says why and what to do."""


class Missing(ReportError):
    """A figure cannot be computed, since its data is missing; the report shows the reason instead of the figure."""
