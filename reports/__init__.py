"""Reports: built only from records, never by hand.

`python -m reports` writes reports/latest/, which git ignores. `python -m reports reference` writes the report that is
committed, reports/reference/.

From below: `records` (one record as tables), `evidence` (the newest of each kind), `figures` (numbers with units),
`sections` (words around figures), `pages` (from values to text, HTML and drawings), `commands`.
"""
