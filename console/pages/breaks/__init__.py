"""Pages about breaks: the list, one break, groups, and many at once."""
