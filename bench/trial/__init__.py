"""The trial of one implementation: it is compared with the oracle, then timed in turns, then profiled."""
