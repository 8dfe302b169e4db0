"""Side by side with other tokenizers: the same work on the same file in one run, as ratios with their spread."""
