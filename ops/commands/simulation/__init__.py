"""Simulated providers: their callbacks and history, and the demonstration on top."""
