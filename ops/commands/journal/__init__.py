"""``tieout journal``."""
