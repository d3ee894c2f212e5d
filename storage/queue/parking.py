"""Park work that cannot be done: PostgreSQL keeps it with its context until a person decides.

Tables touched: ``parked`` (written). Nothing in it expires; only ``storage.queue.commands``
deletes rows, on a named person's decision.
"""

import hashlib
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from vocabulary.build import version
from vocabulary.errors import TieoutError

#: Longest detail kept, in characters.
DETAIL_CHARS_MAX = 2_000
#: Characters of a fingerprint: enough to tell causes apart, short enough to type.
FINGERPRINT_CHARS = 12

#: Frames of a stack that are kept, the innermost ones.
STACK_FRAMES_MAX = 20

_PARK = """
INSERT INTO parked (job, subject, cause, detail, fingerprint, context)
VALUES (:job, :subject, :cause, :detail, :fingerprint, CAST(:context AS jsonb))
ON CONFLICT ON CONSTRAINT parked_once
DO UPDATE SET cause = EXCLUDED.cause, detail = EXCLUDED.detail,
              fingerprint = EXCLUDED.fingerprint, context = EXCLUDED.context,
              times = parked.times + 1, last_at = clock_timestamp()
"""
_SCHEMA = "SELECT version_num FROM alembic_version"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why work cannot be done.

    Attributes:
        name: the violated constraint, or the kind of error.
        detail: the message of the error or the server.
        context: SQLSTATE, constraint, table, the first offending row; whatever is known.
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
    """Record that ``job`` cannot do ``subject``, grouped by cause, and log an error.

    Args:
        connection: the transaction that also marks the work as parked.
        job: the job that failed, such as ``post.v1``.
        subject: the work it failed at, such as ``batch 7``.
        error: why it failed.
        context: what only the caller knows, such as the keys of the batch's operations.
    """
    cause = cause_of(error)
    digest = fingerprint(job, cause)
    stack = {"stack": stack_of(error)}
    full_context = {**cause.context, **_versions(connection), **(context or {}), **stack}
    row = {
        "job": job,
        "subject": subject,
        "cause": cause.name,
        "detail": cause.detail,
        "fingerprint": digest,
        "context": json.dumps(full_context),
    }
    connection.execute(text(_PARK), row)
    log.error("work_parked", job=job, subject=subject, cause=cause.name, fingerprint=digest)


def cause_of(error: Exception) -> Cause:
    """The cause: named by the violated constraint or, without one, by the kind of error."""
    if isinstance(error, DBAPIError):
        return _cause_by_server(error)
    if isinstance(error, TieoutError):
        return Cause(
            name=type(error).__name__, detail=str(error)[:DETAIL_CHARS_MAX], context={}
        )
    # A foreign error's message may quote a payload: keep only its kind and place.
    at = place_of(error)
    return Cause(name=type(error).__name__, detail=f"a bug at {at}", context={"at": at})


def place_of(error: BaseException) -> str:
    """Where an error was raised, as file and line of the innermost frame."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"


def stack_of(error: BaseException) -> list[str]:
    """The frames through which an error went, innermost last, without any value in them."""
    frames = traceback.extract_tb(error.__traceback__)[-STACK_FRAMES_MAX:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def fingerprint(job: str, cause: Cause) -> str:
    """A digest that is equal for all failures of one kind, whatever the subject or machine."""
    parts = (job, cause.name, cause.context.get("sqlstate"), cause.context.get("table"))
    joined = "\x1f".join(str(part or "") for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:FINGERPRINT_CHARS]


def _cause_by_server(error: DBAPIError) -> Cause:
    diagnosis = getattr(error.orig, "diag", None)
    kind = type(error.orig).__name__
    context = {
        "kind": kind,
        "sqlstate": getattr(diagnosis, "sqlstate", None),
        "constraint": getattr(diagnosis, "constraint_name", None),
        "table": getattr(diagnosis, "table_name", None),
        "first_row": getattr(diagnosis, "message_detail", None),
    }
    message = getattr(diagnosis, "message_primary", None)
    return Cause(
        name=context["constraint"] or kind,
        detail=str(message or kind)[:DETAIL_CHARS_MAX],
        context={name: value for name, value in context.items() if value},
    )


def _versions(connection: Connection) -> dict[str, object]:
    schema = connection.execute(text(_SCHEMA)).scalar_one()
    return {"version": _version(), "schema": schema}


@cache
def _version() -> str:
    return version()
