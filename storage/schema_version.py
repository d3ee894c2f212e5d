"""Which schema the database has, and whether this code can work on it.

Migrations are numbered and only add. So code works on its own schema and on every later one: a
new version is rolled out, or back, while the other still runs. On an earlier schema it cannot
work, and refuses to start.
"""

from functools import cache
from pathlib import Path

import psycopg
import structlog

from storage.engine import CONNECT_TIMEOUT_S
from vocabulary.errors import Unavailable

_VERSIONS = Path(__file__).parent / "migrations" / "versions"

log = structlog.get_logger()


@cache
def needed() -> str:
    """The newest revision this code knows, e.g. ``"0006"``."""
    return max(path.name[:4] for path in _VERSIONS.glob("[0-9][0-9][0-9][0-9]_*.py"))


def require(url: str) -> None:
    """Make sure that the database has what this code needs.

    A database that cannot be reached proves nothing: the process starts, and says "retry later"
    until it can.

    Raises:
        Unavailable: the schema is older, or there is none; the message says what to do.
    """
    try:
        found = _found(url)
    except psycopg.OperationalError as error:
        log.warning("schema_not_checked", error=type(error).__name__)
        return
    if found is None or found < needed():
        what = "no schema" if found is None else f"schema {found}"
        raise Unavailable(
            f"the database has {what}, this version needs {needed()}: run `tieout migrate`"
        )
    if found > needed():
        log.info("schema_is_newer", found=found, known=needed())


def _found(url: str) -> str | None:
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        try:
            row = connection.execute("SELECT max(version_num) FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return None if row is None else row[0]
