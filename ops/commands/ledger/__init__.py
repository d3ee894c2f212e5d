"""``tieout ledger``: balances, statements, deposits, corrections and proofs of the books."""
