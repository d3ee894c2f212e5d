"""The schema's history: readable SQL, applied in order by Alembic."""
