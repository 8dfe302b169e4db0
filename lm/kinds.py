"""The five kinds of configs; light, so that a command line can name them before anything is loaded."""

KINDS = {"dataset": "datasets", "tokenizer": "tokenizers", "model": "models", "training": "training", "data": "data"}
"""A dict: field of a run file -> folder with the configs of this kind."""
