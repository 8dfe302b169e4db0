"""Words: figures put into sentences and tables, one module per kind of figures."""
