"""Pages: only this package turns values into text and drawings."""
