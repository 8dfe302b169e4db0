"""Reports are built only from records, never by hand.

`python -m reports` writes reports/latest/, which git ignores. `python -m reports reference` writes the report that is
committed, reports/reference/.

The layers, lowest first: `records` (one record as tables), `listings` (excerpts of sources), `evidence` (the newest
record of each kind), `figures` (numbers with units), `sections` (words around figures), `pages` (values as text, HTML
and drawings), `commands`.
"""
