"""``tieout provider``."""
