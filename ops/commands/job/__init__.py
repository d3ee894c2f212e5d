"""``tieout job``: what people requested in the console."""
