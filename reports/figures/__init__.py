"""Figures: what the records say, as numbers with units, tables and series; no formatted text, no drawing.

`values`, `tables` and `series` are what they consist of; every other module computes those of one subject.
"""
