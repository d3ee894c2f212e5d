"""Deciding callbacks and own operations, and committing them with their replies."""
