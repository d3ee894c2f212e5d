"""Limits of reading a file, and a child process that is held to them."""
