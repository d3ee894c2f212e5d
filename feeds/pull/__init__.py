"""History and delivery logs pulled from a provider's API."""
