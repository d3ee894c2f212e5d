"""Configured providers, and what workers and commands do with them, whatever the dialect."""
