"""Long-running processes: receiver, worker, scheduler, and the supervisor of all three."""
