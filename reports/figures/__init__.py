"""Figures: what the records say, as numbers with units, tables and series; no formatted text, no drawing.

They consist of what is in `values`, `tables` and `series`; every other module computes the figures of one subject.
"""
