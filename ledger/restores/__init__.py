"""Restores of the database: hold the books, prove them, open them again."""
