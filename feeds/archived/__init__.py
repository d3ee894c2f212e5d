"""Records of archived months: kept versions, their release and their recall."""
