"""``tieout day``: business days from closed to signed."""
