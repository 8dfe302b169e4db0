"""Benchmarks: implementation x workload, outputs verified before anything is timed. `pytest bench` collects them."""
