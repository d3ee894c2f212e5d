"""What the scheduler does on time: pulls, reconciliations, days to close, inquiries."""
