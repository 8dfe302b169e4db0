"""A study: the same model trained on several tokenizers and seeds, and what that says about the tokenizers."""
