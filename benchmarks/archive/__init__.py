"""Simulated months that leave for archives: ``python -m benchmarks.archive``."""
