"""Bring a database to the schema this code expects."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from storage.schema_version import needed

#: Advisory lock number that serialises concurrent migrations of one database.
MIGRATION_LOCK = 0x7E07


def migrate(engine: Engine) -> str:
    """Apply what is missing, under an advisory lock; returns the revision reached.

    The schema of a later version is left as it is.
    """
    config = _config()
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK})
        context = MigrationContext.configure(connection)
        found = context.get_current_revision() or ""
        if found > needed():
            return found  # a later version's: it has everything that this one needs, and more
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return context.get_current_revision() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
