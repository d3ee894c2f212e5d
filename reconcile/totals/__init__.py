"""Both sides summed by day, game and currency, and tied; the resolution rate."""
