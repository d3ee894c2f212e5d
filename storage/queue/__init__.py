"""Queue tables: heartbeats, parked work, what operators decide."""
