"""Carrying out a run: driving, journalling, pushing history, summing up."""
