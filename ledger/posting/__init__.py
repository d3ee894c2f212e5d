"""Accepted operations become balanced entries and rounds."""
