"""Add up days that are over, and keep what they come to until something they rest on moves.

A day is armed before: marks of earlier changes go, and its sums are taken only in a snapshot
that sees every transaction which may not have known of that. ``reconcile.days.day_sums`` reads
them.
Tables written: ``summed_days``, ``day_figures``, ``day_amounts``, ``day_changes``,
``day_unreported_rounds``.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from feeds.daily_delay import daily_delays
from reconcile.days.day_amounts import list_amounts
from reconcile.days.day_sums import (
    CLUSTER,
    SIDES,
    WITHIN,
    SummedDay,
    stale_days,
)
from reconcile.days.sums import read_sides
from reconcile.totals.cells import FIGURE_NAMES, Figures, TotalsCell
from reconcile.totals.resolution_days import resolution_days
from reconcile.totals.sides import ALL_GAMES, BothFigures, both_figures
from storage.transactions import outages
from vocabulary.clock import Clock

#: Longest wait for transactions that began before a day was armed.
PATIENCE = timedelta(seconds=10)
#: How long after the horizon of its last row the resolution rate of a day is kept: a run may
#: be stored some time after it finished.
SETTLES = timedelta(hours=1)
_PAUSE = timedelta(milliseconds=50)
#: Most rounds of a day that are listed as unreported.
UNREPORTED_MAX = 2_000
#: The largest sum of a day that is kept: of a ``bigint``.
KEPT_MAX = 2**63 - 1
#: Days that are armed together; none of them is kept until it is added up.
_TOGETHER = 8

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('sum days', 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('sum days', 0))"
_REGISTER = """
INSERT INTO summed_days (provider, business_day, zone, starts_at, ends_at)
VALUES (:provider, :day, :zone, :start, :end) ON CONFLICT DO NOTHING
"""
_ID = """
SELECT day_id FROM summed_days
 WHERE provider = :provider AND starts_at = :start AND ends_at = :end
"""
_DISARM = """
UPDATE summed_days
   SET armed = NULL, seen = NULL, summed_at = NULL, run_id = NULL, lists_unreported = false
 WHERE day_id = ANY(CAST(:days AS bigint[]))
"""
_FORGET_CHANGES = "DELETE FROM day_changes WHERE day_id = ANY(CAST(:days AS bigint[]))"
_ARM = """
UPDATE summed_days SET armed = pg_current_xact_id()
 WHERE day_id = ANY(CAST(:days AS bigint[]))
"""
_IS_ARMED = """
SELECT bool_and(armed IS NOT NULL AND armed < pg_snapshot_xmin(pg_current_snapshot()))
  FROM summed_days WHERE day_id = ANY(CAST(:days AS bigint[]))
"""
_FORGET_FIGURES = "DELETE FROM day_figures WHERE day_id = :day"
_STORE_FIGURES = """
INSERT INTO day_figures (day_id, by_game, side, game, currency, rounds, bets, wins, rollbacks,
                         stake, payout)
VALUES (:day, :by_game, :side, :game, :currency, :rounds, :bets, :wins, :rollbacks,
        :stake, :payout)
"""
_FORGET_UNREPORTED = "DELETE FROM day_unreported_rounds WHERE day_id = :day"
# Our rounds without any record. Most have one of about the same time, read in its order.
_UNREPORTED = """
WITH near AS (
    SELECT DISTINCT match_key FROM feed_records
     WHERE provider = :provider AND created_at >= :start - interval '1 hour'
       AND created_at < :end + interval '1 hour'
)
SELECT DISTINCT r.match_key FROM rounds r LEFT JOIN near n USING (match_key)
 WHERE r.provider = :provider AND r.first_at >= :start AND r.first_at < :end
   AND n.match_key IS NULL
   AND NOT EXISTS (SELECT FROM feed_records f
                    WHERE f.match_key = r.match_key AND f.provider = r.provider)
 LIMIT :limit
"""
_STORE_UNREPORTED = """
INSERT INTO day_unreported_rounds (day_id, match_key) VALUES (:day, :match_key)
"""
_STORE = f"""
UPDATE summed_days
   SET seen = pg_current_snapshot(), cluster = {CLUSTER}, summed_at = :now,
       amounts_at = :now, run_id = :run,
       lists_unreported = :lists_unreported, sides = CAST(:sides AS jsonb),
       delay_s = :delay_s, due = :due, resolved = :resolved
 WHERE day_id = :day
"""  # noqa: S608 - our own constants
_RUN = """
SELECT run_id, manifest -> 'ours' -> 'source' -> 'totals_minor' AS ours
  FROM runs
 WHERE provider = :provider AND window_from = :start AND window_to = :end AND whole
 ORDER BY finished_at DESC, run_id DESC LIMIT 1
"""


def keep_sums(
    engine: Engine, days: Sequence[SummedDay], clock: Clock, *, patience: timedelta = PATIENCE
) -> int:
    """Add up the days that are not kept or no longer hold; returns how many were added up.

    One process does this at a time: beside another one, nothing is done. Nor is it while a
    transaction that began before goes on for longer than ``patience``.

    Raises:
        Unavailable: the database is out of reach.
    """
    count = 0
    with outages("sums of days"), _alone(engine) as is_alone:
        if not is_alone:
            return 0
        with engine.connect() as connection:
            stale = stale_days(connection, days, clock.now())
        for first in range(0, len(stale), _TOGETHER):
            ids = _arm(engine, stale[first : first + _TOGETHER])
            if not _are_armed(engine, list(ids.values()), patience):
                break
            count += sum(_add_up(engine, day, day_id, clock) for day, day_id in ids.items())
    return count


@contextmanager
def _alone(engine: Engine) -> Iterator[bool]:
    """Whether no other process adds up; none begins to before this ends."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        is_alone = bool(session.execute(text(_LOCK)).scalar_one())
        try:
            yield is_alone
        finally:
            if is_alone:
                session.execute(text(_UNLOCK))


def _arm(engine: Engine, days: Sequence[SummedDay]) -> dict[SummedDay, int]:
    """Have every change of these days marked from now on; returns their ids."""
    with engine.begin() as connection:
        connection.execute(text(_REGISTER), [_row(day) for day in days])
        ids = {day: int(connection.execute(text(_ID), _row(day)).scalar_one()) for day in days}
        connection.execute(text(_FORGET_CHANGES), {"days": list(ids.values())})
        connection.execute(text(_DISARM), {"days": list(ids.values())})
    with engine.begin() as connection:  # its number is above those that began before
        connection.execute(text(_ARM), {"days": list(ids.values())})
    return ids


def _are_armed(engine: Engine, ids: Sequence[int], patience: timedelta) -> bool:
    """Wait until every transaction that may not have marked its changes has ended."""
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        with engine.connect() as connection:
            if connection.execute(text(_IS_ARMED), {"days": list(ids)}).scalar_one():
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE.total_seconds())


def _add_up(engine: Engine, day: SummedDay, day_id: int, clock: Clock) -> bool:
    """Add up a day and store what it comes to, both in one snapshot.

    Returns false, and stores nothing, if it comes to more than the table holds: such a day is
    added up for whoever reads it.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        both = both_figures(connection, day.provider, day.window, day.zone, by_game=True)
        rows = list(_figure_rows(day_id, both))
        if any(abs(row[name]) > KEPT_MAX for row in rows for name in ("stake", "payout")):
            return False
        connection.execute(text(_FORGET_FIGURES), {"day": day_id})
        if rows:
            connection.execute(text(_STORE_FIGURES), rows)
        list_amounts(connection, day.provider, day.window, day_id)
        now = clock.now()
        connection.execute(
            text(_STORE),
            {
                "day": day_id,
                "lists_unreported": _list_unreported(connection, day, day_id),
                "now": now,
                "run": _run_of(connection, day, both),
                "sides": _sides(connection, day),
                **_delay(connection, day),
                **_rate(connection, day, now),
            },
        )
        connection.commit()
        return True


def _list_unreported(connection: Connection, day: SummedDay, day_id: int) -> bool:
    """List the rounds that a later record can give a game; whether all of them are listed.

    A provider that reports nothing has too many of them: each of its records, should there ever
    be some, is looked for among the rounds.
    """
    connection.execute(text(_FORGET_UNREPORTED), {"day": day_id})
    params = {**_row(day), "limit": UNREPORTED_MAX + 1}
    keys = connection.execute(text(_UNREPORTED), params).scalars().all()
    if len(keys) > UNREPORTED_MAX:
        return False
    if keys:
        rows = [{"day": day_id, "match_key": key} for key in keys]
        connection.execute(text(_STORE_UNREPORTED), rows)
    return True


def _sides(connection: Connection, day: SummedDay) -> str:
    both = read_sides(connection, day.provider, day.window)
    return json.dumps(
        {
            side: {code: asdict(totals) for code, totals in getattr(both, side).items()}
            for side in SIDES
        }
    )


def _figure_rows(day_id: int, both: BothFigures) -> Iterator[dict[str, Any]]:
    """The rows of every game, and of all games together."""
    for side, cells in (("ours", both.ours), ("theirs", both.theirs)):
        in_all: dict[TotalsCell, Figures] = defaultdict(Figures)
        for cell, figures in cells.items():
            in_all[cell._replace(game=ALL_GAMES)] += figures
        for by_game, sums in ((True, cells), (False, in_all)):
            for cell, figures in sums.items():
                yield {
                    "day": day_id,
                    "by_game": by_game,
                    "side": side,
                    "game": cell.game,
                    "currency": cell.currency,
                    **{name: getattr(figures, name) for name in FIGURE_NAMES},
                }


def _run_of(connection: Connection, day: SummedDay, both: BothFigures) -> str | None:
    """The newest run of the day, if our side is what it was for the run."""
    row = connection.execute(text(_RUN), _row(day)).one_or_none()
    return row.run_id if row is not None and (row.ours or {}) == _totals(both) else None


def _totals(both: BothFigures) -> dict[str, dict[str, str]]:
    """Our stakes and payouts by currency, as the manifest of a run has them."""
    totals: dict[str, Figures] = defaultdict(Figures)
    for cell, figures in both.ours.items():
        totals[cell.currency] += figures
    return {
        code: {"stake": str(figures.stake), "payout": str(figures.payout)}
        for code, figures in totals.items()
    }


def _delay(connection: Connection, day: SummedDay) -> dict[str, int | None]:
    delays = daily_delays(connection, day.provider, day.window, day.zone)
    return {"delay_s": delays[0].delay_s if delays else None}


def _rate(connection: Connection, day: SummedDay, now: datetime) -> dict[str, int | None]:
    """The rows of the day that were due and resolved, once all of them have been due for long.

    Then no later run counts for them any more.
    """
    rates = resolution_days(
        connection, day.provider, day.window, now=now - SETTLES, zone=day.zone, within=WITHIN
    )
    if any(rate.not_due for rate in rates):
        return {"due": None, "resolved": None}
    return {"due": sum(r.due for r in rates), "resolved": sum(r.resolved for r in rates)}


def _row(day: SummedDay) -> dict[str, Any]:
    return {
        "provider": day.provider,
        "day": day.day,
        "zone": day.zone,
        "start": day.window.start,
        "end": day.window.end,
    }
