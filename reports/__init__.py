"""Reports: built only from records, never by hand. `python -m reports` writes reports/latest/.

From below: `records` (one record as tables), `listings` (code of the sources), `evidence` (the newest of each kind),
`figures` (numbers with units), `sections` (words around figures), `pages` (from values to text, HTML and drawings),
`commands`.
"""
