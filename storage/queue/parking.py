"""Park work that cannot be done: in Postgres, with everything known, until a person decides.

Tables touched: ``parked`` (written). Nothing in it expires; ``storage.queue.commands`` takes
rows out again, on a named person's order.
"""

import hashlib
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from vocabulary.errors import TieoutError

#: Longest detail kept, in characters.
DETAIL_CHARS_MAX = 2_000
#: Characters of a fingerprint: enough to tell causes apart, short enough to type.
FINGERPRINT_CHARS = 12

_PARK = """
INSERT INTO parked (job, subject, cause, detail, fingerprint, context)
VALUES (:job, :subject, :cause, :detail, :fingerprint, :context)
ON CONFLICT ON CONSTRAINT parked_once
DO UPDATE SET cause = EXCLUDED.cause, detail = EXCLUDED.detail,
              fingerprint = EXCLUDED.fingerprint, context = EXCLUDED.context,
              times = parked.times + 1, last_at = clock_timestamp()
"""
_SCHEMA = "SELECT version_num FROM alembic_version"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something cannot be done.

    Attributes:
        name: the constraint that was broken, or the kind of error.
        detail: the error's or the server's own words.
        context: what else is known: SQLSTATE, constraint, table, the first offending row.
    """

    name: str
    detail: str
    context: Mapping[str, object]


def park(
    connection: Connection,
    *,
    job: str,
    subject: str,
    error: Exception,
    context: Mapping[str, object] | None = None,
) -> None:
    """Record that ``subject`` cannot be done by ``job``, grouped by cause, and raise the alarm.

    Args:
        connection: the transaction that also marks the work as parked.
        job: who tried, such as ``post.v1``.
        subject: what it was about, such as ``batch 7``.
        error: what happened.
        context: what only the caller knows, such as the keys of the batch's operations.
    """
    cause = described(error)
    found = fingerprint(job, cause)
    known = {**cause.context, **_versions(connection), **(context or {})}
    connection.execute(
        text(_PARK),
        {
            "job": job,
            "subject": subject,
            "cause": cause.name,
            "detail": cause.detail,
            "fingerprint": found,
            "context": json.dumps(known),
        },
    )
    log.error("work_parked", job=job, subject=subject, cause=cause.name, fingerprint=found)


def described(error: Exception) -> Cause:
    """The constraint or the error's kind as cause; the server's own words as detail."""
    if isinstance(error, DBAPIError):
        return _described_by_server(error)
    if isinstance(error, TieoutError):
        return Cause(
            name=type(error).__name__, detail=str(error)[:DETAIL_CHARS_MAX], context={}
        )
    # A stranger's words may quote a payload: its kind and its place say enough.
    at = place_of(error)
    return Cause(name=type(error).__name__, detail=f"a bug at {at}", context={"at": at})


def place_of(error: BaseException) -> str:
    """Where an error was raised, as file and line of the innermost frame."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"


def fingerprint(job: str, cause: Cause) -> str:
    """The same for every failure of one kind, whatever it was about, on every machine."""
    parts = (job, cause.name, cause.context.get("sqlstate"), cause.context.get("table"))
    text = "\x1f".join(str(part or "") for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_CHARS]


def _described_by_server(error: DBAPIError) -> Cause:
    diagnosis = getattr(error.orig, "diag", None)
    kind = type(error.orig).__name__
    told = {
        "kind": kind,
        "sqlstate": getattr(diagnosis, "sqlstate", None),
        "constraint": getattr(diagnosis, "constraint_name", None),
        "table": getattr(diagnosis, "table_name", None),
        "first_row": getattr(diagnosis, "message_detail", None),
    }
    message = getattr(diagnosis, "message_primary", None)
    return Cause(
        name=told["constraint"] or kind,
        detail=str(message or kind)[:DETAIL_CHARS_MAX],
        context={name: value for name, value in told.items() if value},
    )


def _versions(connection: Connection) -> dict[str, object]:
    schema = connection.execute(text(_SCHEMA)).scalar_one()
    return {"version": _version(), "schema": schema}


@cache
def _version() -> str:
    return version("tieout")
