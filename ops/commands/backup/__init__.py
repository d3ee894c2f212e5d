"""``tieout backup``: its commands."""
