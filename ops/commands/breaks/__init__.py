"""``tieout breaks``: differences, who works on them, and how they end."""
