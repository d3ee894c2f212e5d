"""Dispute packs that go to a provider, and the answer files that come back."""
