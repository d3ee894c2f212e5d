"""Configured providers, and what workers and commands do with each."""
