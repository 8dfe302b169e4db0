"""Inputs: where text comes from; one module per kind of source. A `Text` is bytes that can be read in ranges."""
