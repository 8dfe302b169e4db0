"""The errors of reports: one line each."""

from __future__ import annotations

from impls.errors import MergelabError


class ReportError(MergelabError):
    """A report cannot be made; the message says why and what to do."""


class Missing(ReportError):
    """A figure has nothing to be computed from; the report shows the reason in its place."""
