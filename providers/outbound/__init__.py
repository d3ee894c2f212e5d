"""Calls of a provider's own API: what is asked, how it is sent, how replies are read."""
