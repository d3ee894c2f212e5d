"""Metrics of finance and operations: read, cached and served."""
