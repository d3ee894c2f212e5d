"""Guesses about a foreign file: settings for a person to check. Nothing is imported by them."""
