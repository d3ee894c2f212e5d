"""Runs and breaks, written so that a run stands complete or not at all.

A break is one row for ever: seen again it keeps its first sight, no longer seen it is cleared,
coming back it is open again.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from psycopg import Connection as PsycopgConnection
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from breaks.auto_close import apply_run
from breaks.kinds import BY_ROUND, BreakKind
from reconcile.findings.breaks import Break
from reconcile.runs.result import RunResult
from reconcile.snapshot.frames import Keys
from vocabulary.errors import Unavailable
from vocabulary.window import Window

#: One run of a provider at a time: two would clear each other's breaks.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('reconcile ' || :provider, 0))"
#: One run of a provider and window at a time, for as long as the session lives.
_CLAIM = "SELECT pg_try_advisory_lock(hashtextextended(:claim, 0))"
_GIVE_UP = "SELECT pg_advisory_unlock(hashtextextended(:claim, 0))"
#: Between two looks whether another run has ended.
_LOOK_AGAIN = timedelta(milliseconds=200)
_RUN = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at,
                  result, manifest, conserved, whole)
VALUES (%(run_id)s, %(provider)s, %(start)s, %(end)s, %(started_at)s, %(finished_at)s,
        %(result)s, %(manifest)s, %(conserved)s, %(whole)s)
ON CONFLICT (run_id) DO UPDATE SET
    finished_at = EXCLUDED.finished_at, result = EXCLUDED.result,
    manifest = EXCLUDED.manifest, whole = EXCLUDED.whole
"""
_STAGE = """
CREATE TEMP TABLE break_stage ON COMMIT DROP AS
SELECT break_id, kind, impact, player, currency, round_id, match_key, ours, theirs,
       difference, explanation, began_at, subject, alias, evidence
  FROM breaks WHERE false
"""
_COPY = """
COPY break_stage (break_id, kind, impact, player, currency, round_id, match_key, ours, theirs,
                  difference, explanation, began_at, subject, alias, evidence) FROM STDIN
"""
_UPSERT = """
INSERT INTO breaks (break_id, run_id, provider, kind, impact, player, currency, round_id,
                    match_key, ours, theirs, difference, explanation, began_at, subject, alias,
                    evidence, first_seen, last_seen)
SELECT break_id, :run_id, :provider, kind, impact, player, currency, round_id, match_key,
       ours, theirs, difference, explanation, began_at, subject, alias, evidence, :now, :now
  FROM break_stage ORDER BY break_id
ON CONFLICT (break_id) DO UPDATE SET
    run_id = EXCLUDED.run_id, impact = EXCLUDED.impact, player = EXCLUDED.player,
    ours = EXCLUDED.ours, theirs = EXCLUDED.theirs, difference = EXCLUDED.difference,
    explanation = EXCLUDED.explanation, began_at = EXCLUDED.began_at, alias = EXCLUDED.alias,
    evidence = EXCLUDED.evidence, last_seen = EXCLUDED.last_seen, cleared_at = NULL
"""
# A break whose round neither side tells any more is over too: nothing could examine it again.
# What a witness found belongs to the window it began in, and to no round's rows.
_UNSEEN = """
SELECT b.break_id, b.match_key, b.kind = ANY(:witnessed) AS witnessed,
       b.began_at >= :start AND b.began_at < :end AS inside,
       NOT EXISTS (SELECT FROM rounds r
                    WHERE r.match_key = b.match_key)
       AND NOT EXISTS (SELECT FROM feed_records f
                        WHERE f.match_key = b.match_key) AS gone
  FROM breaks b
 WHERE b.provider = :provider AND b.cleared_at IS NULL
   AND NOT EXISTS (SELECT FROM break_stage s WHERE s.break_id = b.break_id)
"""
_CLEAR = "UPDATE breaks SET cleared_at = :now WHERE break_id = ANY(:ids)"
_FIRST_SEEN = """
SELECT b.break_id, b.first_seen FROM breaks b JOIN break_stage s USING (break_id)
"""


def lock_provider(connection: Connection, provider: str) -> None:
    """Wait until no other run of this provider is under way; held to the transaction's end."""
    connection.execute(text(_LOCK), {"provider": provider})


@contextmanager
def claimed(
    connection: Connection, provider: str, window: Window, *, patience: timedelta
) -> Iterator[None]:
    """One run of a provider and window at a time.

    Args:
        connection: the session that holds the claim; a session that ends gives it up.
        provider: the slug.
        window: exactly this one.
        patience: longest wait for another run to end.

    Raises:
        Unavailable: another run was under way all the while.
    """
    said = {"claim": f"run {provider} {window.start.isoformat()} {window.end.isoformat()}"}
    until = time.monotonic() + patience.total_seconds()
    while not connection.execute(text(_CLAIM), said).scalar_one():
        if time.monotonic() >= until:
            told = f"{window.start.isoformat()} to {window.end.isoformat()}"
            raise Unavailable(
                f"another run of {provider} over {told} is under way: wait for it to end"
            )
        time.sleep(_LOOK_AGAIN.total_seconds())
    try:
        yield
    finally:
        connection.execute(text(_GIVE_UP), said)


def store_run(
    connection: Connection, result: RunResult, *, examined: Keys, whole: bool = True
) -> Mapping[str, datetime]:
    """Store a run with its breaks inside the caller's transaction.

    Open breaks of rounds among the ``examined`` keys (sorted) that were not found again are
    cleared. A run that is not ``whole`` looked only at what had changed.

    Returns:
        When each break of this run was first seen, by break id.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, PsycopgConnection)
    connection.execute(text(_STAGE))
    with driver.cursor() as cursor:
        cursor.execute(_RUN, {**_run_row(result), "whole": whole})
        with cursor.copy(_COPY) as copy:
            for each in result.breaks:
                copy.write_row(_break_row(each))
    said = {"provider": result.provider, "run_id": result.run_id, "now": result.started_at}
    over = _over(connection, result, examined)
    connection.execute(text(_CLEAR), {"now": result.started_at, "ids": over})
    connection.execute(text(_UPSERT), said)
    apply_run(connection, provider=result.provider, run_id=result.run_id, now=result.started_at)
    rows = connection.execute(text(_FIRST_SEEN))
    return {row.break_id: row.first_seen for row in rows}


def _over(connection: Connection, result: RunResult, examined: Keys) -> list[str]:
    said = {
        "provider": result.provider,
        "start": result.window.start,
        "end": result.window.end,
        "witnessed": sorted(set(BreakKind) - BY_ROUND),
    }
    return [
        row.break_id
        for row in connection.execute(text(_UNSEEN), said)
        if (row.inside if row.witnessed else row.gone or _among(row.match_key, examined))
    ]


def _among(key: int, examined: Keys) -> bool:
    place = int(np.searchsorted(examined, key))
    return place < len(examined) and int(examined[place]) == key


def _run_row(result: RunResult) -> dict[str, Any]:
    return {
        "run_id": result.run_id,
        "provider": result.provider,
        "start": result.window.start,
        "end": result.window.end,
        "started_at": result.started_at,
        "finished_at": result.finished_at,
        "result": Jsonb(result.summary()),
        "manifest": Jsonb(result.manifest()),
        "conserved": result.conserved,
    }


def _break_row(each: Break) -> tuple[object, ...]:
    return (
        each.id,
        str(each.kind),
        str(each.impact),
        each.player,
        each.currency,
        each.round_id,
        each.match_key,
        _json(each.ours),
        _json(each.theirs),
        each.difference,
        each.explanation,
        each.at,
        each.subject,
        each.alias,
        Jsonb(dict(each.evidence)),
    )


def _json(side: Mapping[str, Any] | None) -> Jsonb | None:
    return None if side is None else Jsonb(dict(side))
