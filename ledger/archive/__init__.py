"""Archived months of the ledger: exported, checked, let go, and read again."""
