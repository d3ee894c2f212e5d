"""Commands of ``tieout notify``."""
