"""Breaks as lists: filters, pages, groups, saved views and sums."""
