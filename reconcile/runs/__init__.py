"""Runs: evaluate both sides, store the result, verify it, try other rules."""
