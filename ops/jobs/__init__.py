"""Jobs: what may be requested in the console, and how the scheduler does it."""
