"""Park work that cannot be done: in Postgres, with the reason, until a person decides."""

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

#: Longest detail kept, in characters.
DETAIL_CHARS_MAX = 2_000

_PARK = """
INSERT INTO parked (job, subject, cause, detail)
VALUES (%(job)s, %(subject)s, %(cause)s, %(detail)s)
ON CONFLICT ON CONSTRAINT parked_once
DO UPDATE SET cause = EXCLUDED.cause, detail = EXCLUDED.detail, parked_at = clock_timestamp()
"""


def park(connection: Connection, *, job: str, subject: str, error: Exception) -> None:
    """Record that ``subject`` cannot be done by ``job``, grouped by cause."""
    cause, detail = _described(error)
    connection.exec_driver_sql(
        _PARK, {"job": job, "subject": subject, "cause": cause, "detail": detail}
    )


def _described(error: Exception) -> tuple[str, str]:
    """The constraint or the error's kind as cause; the server's own words as detail."""
    if isinstance(error, DBAPIError):
        diagnosis = getattr(error.orig, "diag", None)
        constraint = getattr(diagnosis, "constraint_name", None)
        message = getattr(diagnosis, "message_primary", None)
        kind = type(error.orig).__name__
        return constraint or kind, str(message or kind)[:DETAIL_CHARS_MAX]
    return type(error).__name__, str(error)[:DETAIL_CHARS_MAX]
