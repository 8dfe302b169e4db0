"""Reports: built only from records, never by hand. `python -m reports` writes reports/latest/."""
