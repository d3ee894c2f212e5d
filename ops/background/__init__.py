"""The pipeline as the console shows it: queues, receivers, feeds, sizes and proofs."""
