"""The names of the five kinds of configs. This module loads nothing, so command lines can import it at once."""

KINDS = {"dataset": "datasets", "tokenizer": "tokenizers", "model": "models", "training": "training", "data": "data"}
"""A dict: field of a run file -> folder with the configs of this kind."""
