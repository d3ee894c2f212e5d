"""Journals for the general ledger of the operator's accounting program."""
