"""Pages: here alone values become text and drawings."""
