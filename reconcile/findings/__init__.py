"""Breaks with their explanations and evidence, and cross-checks against other sources."""
