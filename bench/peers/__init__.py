"""Our tokenizer measured beside others: the same work on the same file in one run, as ratios with their spread."""
