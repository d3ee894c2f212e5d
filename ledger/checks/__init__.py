"""What the books promise, as checks: one query each, by what it is about."""
