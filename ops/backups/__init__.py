"""Backups of the database: how old they are, and what is wrong with them."""
