"""The provider's side: its history records, how they arrive, what is wrong with them."""
