"""``tieout players``."""
