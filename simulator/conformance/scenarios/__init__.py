"""Scenarios that every receiver must pass, by topic."""
