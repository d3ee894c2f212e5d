"""Stored runs: one by its id, and the newest of a provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, text

from vocabulary.cursors import cut_page, parts_of
from vocabulary.window import Window

# The newest run of a provider that covered its whole window; optionally of one window only.
_LAST_RUN = """
SELECT run_id, provider, window_from, window_to, started_at, finished_at, result, manifest
  FROM runs
 WHERE provider = :provider AND whole
   AND (cast(:start AS timestamptz) IS NULL OR window_from = :start)
   AND (cast(:end AS timestamptz) IS NULL OR window_to = :end)
 ORDER BY finished_at DESC, run_id DESC LIMIT 1
"""
_RUN = """
SELECT run_id, provider, window_from, window_to, started_at, finished_at, result, manifest
  FROM runs WHERE run_id = :run_id
"""
_SINCE = """
SELECT run_id, window_from, window_to, finished_at, whole,
       coalesce(CAST(manifest->>'breaks' AS integer), 0) AS breaks
  FROM runs
 WHERE provider = :provider AND finished_at > :since
   AND window_from < :end AND window_to > :start
 ORDER BY finished_at, run_id LIMIT :limit
"""
_FIRST_DAY = """
SELECT EXISTS (SELECT FROM runs) AND NOT EXISTS (SELECT FROM runs WHERE window_from < :start)
"""
# Pages of runs, the last finished first.
_RUNS = """
SELECT run_id, provider, window_from, window_to, started_at, finished_at, result, manifest
  FROM runs
 WHERE (CAST(:provider AS text) IS NULL OR provider = :provider)
   AND (CAST(:last_at AS timestamptz) IS NULL
        OR (finished_at, run_id) < (CAST(:last_at AS timestamptz), :last_id))
 ORDER BY finished_at DESC, run_id DESC LIMIT :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A stored run; ``result`` and ``manifest`` are the stored JSON."""

    run_id: str
    provider: str
    window: Window
    started_at: datetime
    finished_at: datetime
    result: dict[str, Any]
    manifest: dict[str, Any]


def is_first_day(connection: Connection, start: datetime) -> bool:
    """Whether runs compared something, but nothing from before an instant."""
    return bool(connection.execute(text(_FIRST_DAY), {"start": start}).scalar_one())


def last_run(connection: Connection, provider: str, window: Window | None) -> StoredRun | None:
    """The newest run of a provider, over exactly this window if one is given."""
    parameters = {
        "provider": provider,
        "start": window and window.start,
        "end": window and window.end,
    }
    return _stored_run(connection, _LAST_RUN, parameters)


def run_named(connection: Connection, run_id: str) -> StoredRun | None:
    """One run by its id."""
    return _stored_run(connection, _RUN, {"run_id": run_id})


def runs_after(
    connection: Connection, provider: str | None, *, after: str | None, limit: int
) -> tuple[list[StoredRun], str | None]:
    """Runs in the order in which they finished, the last first, and the next page's cursor.

    Raises:
        Malformed: the cursor is none of ours.
    """
    last_at, last_id = parts_of(after, datetime, str) or (None, "")
    parameters = {
        "provider": provider,
        "last_at": last_at,
        "last_id": last_id,
        "limit": limit + 1,
    }
    rows = connection.execute(text(_RUNS), parameters).all()
    shown, cursor = cut_page(rows, limit, attrgetter("finished_at", "run_id"))
    return [_run(row) for row in shown], cursor


def _stored_run(
    connection: Connection, query: str, parameters: Mapping[str, object]
) -> StoredRun | None:
    row = connection.execute(text(query), dict(parameters)).one_or_none()
    return None if row is None else _run(row)


def _run(row: Row[Any]) -> StoredRun:
    return StoredRun(
        run_id=row.run_id,
        provider=row.provider,
        window=Window(start=row.window_from, end=row.window_to),
        started_at=row.started_at,
        finished_at=row.finished_at,
        result=row.result,
        manifest=row.manifest,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A stored run in a list; ``whole`` if it compared every row of its window."""

    run_id: str
    window: Window
    finished_at: datetime
    whole: bool
    breaks: int


def runs_since(
    connection: Connection, provider: str, window: Window, since: datetime, *, limit: int
) -> list[RunLine]:
    """The first runs of a provider that finished after an instant and overlap a window."""
    params = {
        "provider": provider,
        "since": since,
        "start": window.start,
        "end": window.end,
        "limit": limit,
    }
    return [
        RunLine(
            run_id=row.run_id,
            window=Window(start=row.window_from, end=row.window_to),
            finished_at=row.finished_at,
            whole=row.whole,
            breaks=row.breaks,
        )
        for row in connection.execute(text(_SINCE), params)
    ]
