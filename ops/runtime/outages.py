"""Errors of database and broker drivers that mean that a service is unavailable."""

import sys
from collections.abc import Mapping, Sequence

from vocabulary.errors import Unavailable

#: SQLSTATE of a table and of a column that does not exist.
NOT_IN_SCHEMA = frozenset({"42P01", "42703"})
#: How drivers report that a server cannot be reached.
_OUTAGES = {
    "sqlalchemy.exc": ("OperationalError", "InterfaceError"),
    "psycopg": ("OperationalError",),
    "redis.exceptions": ("ConnectionError", "TimeoutError"),
}
#: How drivers report that the database refuses a statement.
_REFUSALS = {
    "sqlalchemy.exc": ("ProgrammingError",),
    "psycopg": ("ProgrammingError",),
    "asyncpg": ("PostgresError",),
}


def outage_of(error: BaseException) -> Unavailable | None:
    """Translate an error of a driver; None if it is no outage."""
    if isinstance(error, (ConnectionError, *_loaded(_OUTAGES))):
        return Unavailable(f"a service is unavailable: {_first_line(error)}")
    sqlstate = getattr(_by_driver(error), "sqlstate", None)
    if isinstance(error, tuple(_loaded(_REFUSALS))) and sqlstate in NOT_IN_SCHEMA:
        return Unavailable(
            f"the database has another schema ({_first_line(error)}): run `tieout migrate`"
        )
    return None


def _loaded(names: Mapping[str, Sequence[str]]) -> list[type[BaseException]]:
    """The named classes of the modules that were imported: no other can have been raised."""
    return [
        getattr(sys.modules[module], name)
        for module, classes in names.items()
        if module in sys.modules
        for name in classes
    ]


def _by_driver(error: BaseException) -> BaseException:
    return getattr(error, "orig", None) or error


def _first_line(error: BaseException) -> str:
    """The first line of the driver's message: without the statement and its values."""
    return str(_by_driver(error)).strip().split("\n", 1)[0]
