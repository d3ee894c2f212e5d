"""The receiver: reads, verifies, decides and answers one callback."""
