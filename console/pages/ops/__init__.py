"""The pages of operations: the pipeline, queues, parked work."""
