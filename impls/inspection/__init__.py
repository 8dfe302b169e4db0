"""A look into tokenizers: one token, a text, a vocabulary, a file, or several tokenizers side by side.

`figures` computes numbers, without words. `words` puts them into sentences and tables, the `blocks`. `pages` writes
blocks to a terminal or to an HTML page, and figures as JSON.
"""
