"""Which schema a database has, and whether this code can work on it.

Revisions are numbered and only add to the schema. So code works on its own schema and on every
later one: a new version can be rolled out, or back, while the other still runs. On an earlier
schema it refuses to start.

Numbers begin at ``FIRST_REVISION``. Lower ones are layouts from before the first release; no
migration leads from them to the baseline.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import psycopg
import structlog
from sqlalchemy import Connection, text

from storage.engine import CONNECT_TIMEOUT_S
from vocabulary.errors import Unavailable

#: The baseline, ``storage/migrations/versions/0100_baseline.py``.
FIRST_REVISION = "0100"
#: The newest revision of each released version, the oldest release first. A line never changes.
RELEASED_REVISIONS: Mapping[str, str] = {"0.2.0": "0139"}

_REVISION = re.compile(r"\d{4}")
_REVISION_FILES = Path(__file__).parent / "migrations" / "versions"
_CURRENT = "SELECT max(version_num) FROM alembic_version"

log = structlog.get_logger()


class UnreleasedSchema(Unavailable):
    """The database has a layout from before the first release, which cannot be migrated.

    Attributes:
        revision: the number that its layout bears.
    """

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the database was made by an earlier, unreleased version (schema {revision}) and "
            "cannot be migrated; nothing was changed. Drop it, create an empty one in its "
            "place and run `tieout migrate`"
        )
        self.revision = revision


@cache
def newest_revision() -> str:
    """The newest revision this code knows, e.g. ``"0100"``."""
    return max(path.name[:4] for path in _REVISION_FILES.glob("[0-9][0-9][0-9][0-9]_*.py"))


def require_schema(url: str) -> None:
    """Make sure that the database has the schema this code needs.

    If the database cannot be reached, the process starts all the same and answers "retry later"
    until it can be.

    Raises:
        UnreleasedSchema: a version from before the first release made it.
        Unavailable: the schema is older, or there is none; the message says what to do.
    """
    try:
        current = current_revision(url)
    except psycopg.OperationalError as error:
        log.warning("schema_not_checked", error=type(error).__name__)
        return
    refuse_earlier(current, than=newest_revision())
    if current != newest_revision():
        log.info("schema_is_newer", found=current, known=newest_revision())


def refuse_earlier(revision: str | None, *, than: str) -> None:
    """Refuse a database that lacks a revision which code needs.

    Args:
        revision: the database's; None: it has no schema.
        than: the revision that is needed.

    Raises:
        UnreleasedSchema: a version from before the first release made it.
        Unavailable: its schema is older, or it has none.
    """
    if revision is not None:
        refuse_unreleased(revision)
    if revision is None or revision < than:
        schema = "no schema" if revision is None else f"schema {revision}"
        raise Unavailable(
            f"the database has {schema}, this version needs {than}: run `tieout migrate`"
        )


def refuse_unreleased(revision: str) -> None:
    """Refuse a revision that no released version ever had.

    Raises:
        UnreleasedSchema: it is one.
    """
    if not _REVISION.fullmatch(revision) or revision < FIRST_REVISION:
        raise UnreleasedSchema(revision)


def revision_in(connection: Connection) -> str:
    """The revision of a database that has a schema."""
    return str(connection.execute(text(_CURRENT)).scalar_one())


def current_revision(url: str) -> str | None:
    """The database's revision, or None if it has no schema.

    Raises:
        psycopg.OperationalError: the database cannot be reached.
        Unavailable: the database's role may not read it.
    """
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        try:
            row = connection.execute(_CURRENT).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
        except psycopg.errors.InsufficientPrivilege as error:
            raise Unavailable(
                f"the database's role {connection.info.user} has no rights to the tables: run"
                " `tieout migrate` as their owner, which grants them"
            ) from error
    return None if row is None else row[0]
