"""Bring a database to the schema this code expects."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from storage.roles import grant_roles
from storage.schema_version import newest_revision, refuse_unreleased

#: Advisory lock number that serialises concurrent migrations of one database.
MIGRATION_LOCK = 0x7E07

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> str:
    """Apply the missing migrations under an advisory lock; returns the revision reached.

    The schema of a later version stays as it is. The roles of ``storage.roles`` get the rights
    that they lack.

    Raises:
        UnreleasedSchema: a version from before the first release made the database.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK})
        context = MigrationContext.configure(connection)
        current = context.get_current_revision()
        if current is not None:
            refuse_unreleased(current)
            if current > newest_revision():
                return current  # it has everything that this version needs, and more
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        grant_roles(connection)
        return context.get_current_revision() or ""
