"""Processes and engines of this machine: start, watch, stop."""
