"""``tieout reconcile``."""
