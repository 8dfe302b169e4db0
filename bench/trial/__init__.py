"""The trial of one implementation: it is proven against the oracle, timed in turns, and looked into."""
