"""Queue tables: heartbeats and canaries, parked work, operators' decisions."""
