"""``tieout dispute``: breaks that are put before a provider, and its answers."""
