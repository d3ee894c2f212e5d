"""Bring a database to the schema this code expects.

A database without a schema gets it in one transaction. Otherwise each revision has its own, so
that no lock is held longer than its revision takes, and waits only briefly for its locks,
because callbacks queue behind a waiting lock. A revision that does not get them is tried again.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from storage.migration_plan import pending_revisions
from storage.roles import grant_roles
from storage.schema_version import newest_revision, refuse_unreleased
from vocabulary.errors import Unavailable

#: Advisory lock number that serialises concurrent migrations of one database.
MIGRATION_LOCK = 0x7E07

#: What a revision that meets other transactions fails with.
_LOCK_ERRORS = (LockNotAvailable, DeadlockDetected)
_MIGRATIONS = Path(__file__).parent / "migrations"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPatience:
    """How long a revision waits for locks that others hold.

    Attributes:
        wait_s: of one attempt, less than a callback waits; behind it everybody else waits.
        attempts: before the migration gives up.
        pause_s: between two attempts, in which others go on; doubles up to ``pause_max_s``.
    """

    wait_s: float = 2.0
    attempts: int = 20
    pause_s: float = 0.5
    pause_max_s: float = 15.0


def migrate(engine: Engine, patience: LockPatience | None = None) -> str:
    """Apply the missing migrations under an advisory lock; returns the revision reached.

    The schema of a later version stays as it is. The roles of ``storage.roles`` get the rights
    that they lack.

    Raises:
        UnreleasedSchema: a version from before the first release made the database.
        Unavailable: others hold locks that a revision needs; what came before it stays.
    """
    patience = patience or LockPatience()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is not None:
        refuse_unreleased(current)
        for revision in pending_revisions(current)[:-1]:
            _patiently(engine, revision, patience, roles=False)
    return _patiently(engine, newest_revision(), patience, roles=True)


def _patiently(engine: Engine, revision: str, patience: LockPatience, *, roles: bool) -> str:
    """Reach a revision in one of several attempts; returns the revision reached."""
    pause_s = patience.pause_s
    for number in range(1, patience.attempts + 1):
        try:
            return _upgrade(engine, revision, patience, roles=roles)
        except (*_LOCK_ERRORS, OperationalError) as error:
            if not isinstance(getattr(error, "orig", error), _LOCK_ERRORS):
                raise
        log.info("migration_waits_for_locks", revision=revision, attempt=number)
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, patience.pause_max_s)
    raise Unavailable(
        f"revision {revision} did not get its locks in {patience.attempts} attempts of"
        f" {patience.wait_s:g} s and changed nothing: end long transactions (pg_stat_activity)"
        " and run `tieout migrate` again"
    )


def _upgrade(engine: Engine, target: str, patience: LockPatience, *, roles: bool) -> str:
    """Reach a revision in one transaction; returns the revision reached."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK})
        _bound_waits(connection, patience)
        context = MigrationContext.configure(connection)
        current = context.get_current_revision()
        if current is not None:
            refuse_unreleased(current)
            if current > target:
                return current  # it has everything that this version needs, and more
        config.attributes["connection"] = connection
        command.upgrade(config, target)
        if roles:
            grant_roles(connection)
        return context.get_current_revision() or ""


def _bound_waits(connection: Connection, patience: LockPatience) -> None:
    milliseconds = f"{int(patience.wait_s * 1000)}ms"
    connection.execute(
        text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": milliseconds}
    )
