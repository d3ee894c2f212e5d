"""Rows whose values are written as usual, read column by column."""
