"""Figures: the content of the records as numbers with units, tables and series; no formatted text, no drawing.

`values`, `tables` and `series` are the types; every other module computes the figures of one subject.
"""
