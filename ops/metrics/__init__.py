"""Metrics of finance and operations: what is read, kept for a while, and served."""
