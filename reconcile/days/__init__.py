"""Business days: closed by the machine, prepared by one person, signed by another."""
