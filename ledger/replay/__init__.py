"""The ledger decided again from the stored deliveries, and compared."""
