"""``tieout archive``: its commands."""
