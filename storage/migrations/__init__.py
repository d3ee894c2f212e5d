"""Alembic's revisions, applied in order; a revision that was released never changes."""
