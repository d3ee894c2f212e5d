"""The receiver: reads, verifies, decides and answers provider callbacks."""
