"""What a daemon checks of its database before it starts."""

import psycopg
import structlog
from sqlalchemy.exc import OperationalError

from ops.settings.model import Mode
from ops.settings.redaction import without_password
from storage.pooling import lends_sessions
from storage.roles import position_of
from storage.schema_version import require_schema
from storage.transactions import engine_at
from vocabulary.errors import Unavailable

log = structlog.get_logger()


def require_database(url: str, mode: Mode) -> None:
    """Check schema and connection, and warn of a role that can disable guards.

    If the database cannot be reached, the process starts all the same and waits for it.

    Raises:
        Unavailable: the schema is older, or sessions are lent by transaction.
    """
    require_schema(url)
    try:
        refuse_lent_sessions(url)
        if mode == "production":
            _warn_of_ownership(url)
    except (psycopg.OperationalError, OperationalError) as error:
        log.warning("database_not_checked", error=type(error).__name__)


def refuse_lent_sessions(url: str) -> None:
    """Refuse a pooler in transaction or statement mode.

    Raises:
        Unavailable: there is one; says what to do.
        psycopg.OperationalError: the database cannot be reached.
    """
    if lends_sessions(url):
        raise Unavailable(
            f"{without_password(url)} is a pooler that lends sessions for one transaction each:"
            " set its pool_mode to session, or name PostgreSQL itself in the URL"
        )


def _warn_of_ownership(url: str) -> None:
    with engine_at(url, pool_size=1) as engine, engine.connect() as connection:
        position = position_of(connection)
    if position.can_disable_guards:
        log.warning(
            "application_owns_tables",
            role=position.role,
            superuser=position.is_superuser,
            tables=len(position.owned),
            do="see `tieout config roles`",
        )
