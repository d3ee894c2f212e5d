"""A run cut into key ranges: planning, executors, checkpoints, watermarks."""
