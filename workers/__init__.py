"""Dramatiq: what follows an accepted callback, idempotent under any repetition."""
