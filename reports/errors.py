"""The errors of reports; each message is one line."""

from __future__ import annotations

from impls.errors import MergelabError


class ReportError(MergelabError):
    """A report cannot be made; the message says why and what to do."""


class Missing(ReportError):
    """A figure cannot be computed, since data is missing. The report shows the reason in place of the figure."""
