"""``tieout queue``: work that waits or is parked, and what operators do about it."""
