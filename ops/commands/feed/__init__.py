"""``tieout feed``: providers' history, as files and from their APIs."""
