"""Breaks that are put before a provider: from opening a dispute to the provider's answers."""
