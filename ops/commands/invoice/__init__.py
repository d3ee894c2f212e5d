"""``tieout invoice``: checks, and the register of invoices."""
