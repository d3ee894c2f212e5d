"""``tieout restore``: after an older state of the database was restored."""
