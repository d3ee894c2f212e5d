"""Store runs and breaks, so that a run is stored completely or not at all.

A break keeps its row for ever. A run that finds it again keeps its ``first_seen``; a run that
no longer finds it clears it; if it comes back, it is open again.
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

#: Held by one run of a provider at a time: two would clear each other's breaks.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('reconcile ' || :provider, 0))"
#: Held by one run of a provider and window at a time, for as long as its session lives.
_CLAIM = "SELECT pg_try_advisory_lock(hashtextextended(:claim, 0))"
_RELEASE = "SELECT pg_advisory_unlock(hashtextextended(:claim, 0))"
#: The pause between two attempts to take the claim.
_RETRY_AFTER = timedelta(milliseconds=200)
_RUN = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at,
                  result, manifest, conserved, whole)
VALUES (:run_id, :provider, :start, :end, :started_at, :finished_at,
        :result, :manifest, :conserved, :whole)
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
# A break is also resolved if its round exists on neither side any more: no later run could
# examine it. What left for an archive exists there: a break from before the cut stays. The
# break of a cross-check belongs to the window it began in, not to a round. What is over of a
# feed, no window finds.
_UNSEEN = """
SELECT b.break_id, b.match_key, b.kind = ANY(:cross_checks) AS by_cross_check,
       b.began_at >= :start AND b.began_at < :end AS inside,
       NOT EXISTS (SELECT FROM rounds r
                    WHERE r.match_key = b.match_key)
       AND NOT EXISTS (SELECT FROM feed_records f
                        WHERE f.match_key = b.match_key)
       AND coalesce(b.began_at, b.first_seen) >= rows_begin_at()
       AND archived_days(b.match_key) IS NULL AS gone,
       b.kind = ANY(:of_feeds) AND EXISTS (SELECT FROM feed_findings f
                                            WHERE f.finding_id = b.subject
                                              AND f.resolved_at IS NOT NULL) AS over
  FROM breaks b
 WHERE b.provider = :provider AND b.cleared_at IS NULL
   AND NOT EXISTS (SELECT FROM break_stage s WHERE s.break_id = b.break_id)
"""
# A player's share of a round belongs to the window it began in too: the shares of the other
# players may begin in other windows.
_SHARED = """
SELECT key FROM unnest(CAST(:keys AS bigint[])) AS k (key)
 WHERE (SELECT count(DISTINCT wallet_id) > 1 FROM rounds r WHERE r.match_key = k.key)
    OR (SELECT count(DISTINCT (handle, currency)) > 1 FROM feed_records f
         WHERE f.match_key = k.key)
"""
# The workflows of the breaks that this run changes or may move, in the order in which people
# lock them. Whoever moves a break writes its row of ``listed_breaks`` with the workflow locked,
# and so does the run: otherwise each would wait for the other.
_LOCK_WORKFLOWS = """
SELECT FROM break_workflows l
 WHERE l.break_id IN (
       SELECT unnest(CAST(:ids AS text[]))
        UNION
       SELECT s.break_id
         FROM break_stage s JOIN breaks b USING (break_id)
         JOIN break_workflows w USING (break_id)
        WHERE w.state IN ('closed', 'posted') OR b.cleared_at IS NOT NULL
           OR (b.impact, b.player, b.difference, b.explanation, b.began_at, b.alias)
              IS DISTINCT FROM
              (s.impact, s.player, s.difference, s.explanation, s.began_at, s.alias)
        UNION
       SELECT b.break_id FROM breaks b JOIN break_workflows w USING (break_id)
        WHERE b.provider = :provider AND b.cleared_at IS NOT NULL AND w.state <> 'closed')
 ORDER BY l.break_id FOR UPDATE OF l
"""
_CLEAR = "UPDATE breaks SET cleared_at = :now WHERE break_id = ANY(:ids)"
_FIRST_SEEN = """
SELECT b.break_id, b.first_seen FROM breaks b JOIN break_stage s USING (break_id)
"""


def lock_provider(connection: Connection, provider: str) -> None:
    """Wait for other runs of this provider to end; held until the transaction ends."""
    connection.execute(text(_LOCK), {"provider": provider})


@contextmanager
def exclusive_run(
    connection: Connection, provider: str, window: Window, *, patience: timedelta
) -> Iterator[None]:
    """Allow only one run of a provider and window at a time.

    Args:
        connection: the session that holds the claim, which ends with it. It is put into
            autocommit mode, so that a long run holds no transaction open.
        provider: the slug.
        window: exactly this one.
        patience: the longest wait for another run to end.

    Raises:
        Unavailable: another run was in progress all the time.
    """
    connection = connection.execution_options(isolation_level="AUTOCOMMIT")
    start, end = window.start.isoformat(), window.end.isoformat()
    claim = {"claim": f"run {provider} {start} {end}"}
    deadline = time.monotonic() + patience.total_seconds()
    while not connection.execute(text(_CLAIM), claim).scalar_one():
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"another run of {provider} over {start} to {end} is under way:"
                " wait for it to end"
            )
        time.sleep(_RETRY_AFTER.total_seconds())
    try:
        yield
    finally:
        connection.execute(text(_RELEASE), claim)


def store_run(
    connection: Connection, result: RunResult, *, examined: Keys, whole: bool = True
) -> Mapping[str, datetime]:
    """Store a run with its breaks inside the caller's transaction.

    Open breaks that were not found again are cleared if their round is among ``examined``.

    Args:
        connection: of the transaction.
        result: of the run.
        examined: the sorted match keys of open breaks that the run can clear.
        whole: whether the run compared every row of the window.

    Returns:
        When each break of this run was first seen, by break id.
    """
    connection.execute(text(_STAGE))
    connection.execute(text(_RUN), {**_run_row(result), "whole": whole})
    driver = connection.connection.driver_connection
    assert isinstance(driver, PsycopgConnection)
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for break_ in result.breaks:
            copy.write_row(_break_row(break_))
    run = {"provider": result.provider, "run_id": result.run_id, "now": result.started_at}
    resolved = _resolved(connection, result, examined)
    connection.execute(text(_LOCK_WORKFLOWS), {**run, "ids": resolved})
    connection.execute(text(_CLEAR), {"now": result.started_at, "ids": resolved})
    connection.execute(text(_UPSERT), run)
    apply_run(connection, provider=result.provider, run_id=result.run_id, now=result.started_at)
    rows = connection.execute(text(_FIRST_SEEN))
    return {row.break_id: row.first_seen for row in rows}


def _resolved(connection: Connection, result: RunResult, examined: Keys) -> list[str]:
    """Return the ids of open breaks that this run no longer finds and can clear."""
    parameters = {
        "provider": result.provider,
        "start": result.window.start,
        "end": result.window.end,
        "cross_checks": sorted(set(BreakKind) - BY_ROUND),
        "of_feeds": [str(BreakKind.UNPARSABLE), str(BreakKind.RESTATED)],
    }
    unseen = connection.execute(text(_UNSEEN), parameters).all()
    over = [row.break_id for row in unseen if row.over]
    examined_rows = [
        row
        for row in unseen
        if not row.over
        and (row.inside if row.by_cross_check else row.gone or _among(row.match_key, examined))
    ]
    outside = {row.match_key for row in examined_rows if row.inside is False}
    shared = set(connection.execute(text(_SHARED), {"keys": sorted(outside)}).scalars())
    return over + [
        row.break_id
        for row in examined_rows
        if row.inside is not False or row.match_key not in shared
    ]


def _among(key: int, keys: Keys) -> bool:
    """Check whether a key is among sorted keys."""
    position = int(np.searchsorted(keys, key))
    return position < len(keys) and int(keys[position]) == key


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


def _break_row(break_: Break) -> tuple[object, ...]:
    return (
        break_.id,
        str(break_.kind),
        str(break_.impact),
        break_.player,
        break_.currency,
        break_.round_id,
        break_.match_key,
        _jsonb(break_.ours),
        _jsonb(break_.theirs),
        break_.difference,
        break_.explanation,
        break_.at,
        break_.subject,
        break_.alias,
        Jsonb(dict(break_.evidence)),
    )


def _jsonb(side: Mapping[str, Any] | None) -> Jsonb | None:
    return None if side is None else Jsonb(dict(side))
