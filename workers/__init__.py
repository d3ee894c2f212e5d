"""Dramatiq workers and the scheduler: posting, ingesting, asking providers; all idempotent."""
