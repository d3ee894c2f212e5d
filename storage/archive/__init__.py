"""Archived months: their rows in the database, their files, and how both are read."""
