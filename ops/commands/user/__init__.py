"""``tieout user``: the people who may act."""
