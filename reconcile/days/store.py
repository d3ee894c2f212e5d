"""Read what decides the state of a day, and store the steps of people.

Tables read: ``rounds``, ``feed_records``, ``breaks``, ``break_workflows``, ``adjustments``,
``day_closes``, ``seals``; written: ``day_steps``, ``audit``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from breaks.kinds import OF_BOOKS
from breaks.states import SETTLED
from reconcile.days.figures import DayFigures, OpenMoney, SideTotals, stored_figures
from reconcile.days.states import (
    ClosedDay,
    DayAction,
    DayStatus,
    DayStep,
    StepRequest,
    StepRules,
    take_step,
)
from storage.audit import record
from vocabulary.window import Window

_OURS = """
SELECT currency, count(*) AS rounds, sum(stake)::bigint AS stake, sum(payout)::bigint AS payout
  FROM rounds WHERE provider = :provider AND first_at >= :start AND first_at < :end
 GROUP BY currency
"""
# A player's round with any rolled back record moved nothing, whatever its other records hold.
_THEIRS = """
SELECT f.currency, count(DISTINCT (f.match_key, f.round_id, f.handle)) AS rounds,
       coalesce(sum(f.stake) FILTER (WHERE u.round_id IS NULL), 0)::bigint AS stake,
       coalesce(sum(f.payout) FILTER (WHERE u.round_id IS NULL), 0)::bigint AS payout
  FROM feed_records f
  LEFT JOIN (SELECT DISTINCT match_key, round_id, handle FROM feed_records
              WHERE provider = :provider AND rolled_back) u USING (match_key, round_id, handle)
 WHERE f.provider = :provider AND f.created_at >= :start AND f.created_at < :end
 GROUP BY f.currency
"""
_BREAKS_OF_DAY = """
    SELECT b.break_id, b.currency, b.difference, b.kind, w.state, b.cleared_at IS NULL AS found
      FROM breaks b JOIN break_workflows w USING (break_id)
     WHERE b.provider = :provider
       AND coalesce(b.began_at, b.first_seen) >= :start
       AND coalesce(b.began_at, b.first_seen) < :end
"""
_BREAKS = f"""
WITH of_day AS ({_BREAKS_OF_DAY}),
unsettled AS (SELECT *, found AND state <> ALL(:settled) AS is_open
                FROM of_day)
SELECT currency, count(*) FILTER (WHERE is_open) AS count,
       coalesce(sum(difference) FILTER (WHERE is_open AND difference > 0), 0)::bigint AS owed,
       coalesce(sum(difference) FILTER (WHERE is_open AND difference < 0), 0)::bigint AS owing,
       coalesce(-sum(difference) FILTER (WHERE found AND kind = ANY(:of_books)), 0)::bigint
           AS in_breaks
  FROM unsettled GROUP BY currency
"""  # noqa: S608 - only the constant above is put in
# Every break and correction of the day with its state and amount: a digest tells any change.
_STATE = f"""
WITH of_day AS ({_BREAKS_OF_DAY}),
lines AS (
    SELECT concat_ws(' ', break_id, state, difference, found) AS line FROM of_day
    UNION ALL
    SELECT concat_ws(' ', a.id, a.state, a.amount)
      FROM adjustments a
     WHERE a.state <> 'rejected'
       AND a.break_id IN (SELECT break_id FROM of_day)
)
SELECT md5(coalesce(string_agg(line, E'\\n' ORDER BY line), '')) FROM lines
"""  # noqa: S608 - as above
_CLOSE = "SELECT * FROM day_closes WHERE provider = :provider AND business_day = :day"
_STEPS = """
SELECT * FROM day_steps WHERE provider = :provider AND business_day = :day ORDER BY number
"""
_SEAL = "SELECT hash FROM seals ORDER BY day DESC LIMIT 1"
_INSERT = """
INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes, at, reason,
                       two_people, close_no, run_id, seal, figures)
VALUES (:provider, :day, :number, :action, :by, :eyes, :at, :reason, :two_people, 0, :run_id,
        :seal, CAST(:figures AS jsonb))
"""
_SET_REASON = """
UPDATE day_closes SET reason = :reason, closed_by = :by
 WHERE provider = :provider AND business_day = :day AND run_id = :run_id
"""
_KNOWN_DAYS = """
SELECT business_day FROM day_closes WHERE provider = :provider AND business_day >= :first
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTerms:
    """A day and what only settings and feeds know of it.

    Attributes:
        zone: the provider's.
        mature_at: when nothing of the day can be late any more.
        waits_for: what its feeds have not reported.
        exponents: the provider's overrides of decimal places.
    """

    provider: str
    day: date
    window: Window
    zone: str
    mature_at: datetime
    waits_for: tuple[str, ...]
    exponents: Mapping[str, int]


def load_day(connection: Connection, terms: DayTerms, now: datetime) -> DayStatus:
    """Read a day with its figures of now."""
    params = {"provider": terms.provider, "day": terms.day}
    close = connection.execute(text(_CLOSE), params).one_or_none()
    rows = connection.execute(text(_STEPS), params).all()
    reopened_at = rows[-1].close_no if rows and rows[-1].action == DayAction.REOPEN else -1
    return DayStatus(
        provider=terms.provider,
        day=terms.day,
        window=terms.window,
        zone=terms.zone,
        now=now,
        mature_at=terms.mature_at,
        waits_for=terms.waits_for,
        closed=None if close is None else _closed(close),
        closed_again=close is not None and close.close_no > reopened_at,
        steps=tuple(_step(row, terms.exponents) for row in rows),
        figures=figures_of(connection, terms.provider, terms.window, terms.exponents),
    )


def figures_of(
    connection: Connection, provider: str, window: Window, exponents: Mapping[str, int]
) -> DayFigures:
    """Add up both sides and the breaks of a window as they are now."""
    params = {"provider": provider, "start": window.start, "end": window.end}
    of_books = [str(kind) for kind in OF_BOOKS]
    states = {"of_books": of_books, "settled": [str(state) for state in SETTLED]}
    breaks = connection.execute(text(_BREAKS), params | states).mappings()
    return DayFigures(
        ours=_side(connection, _OURS, params),
        theirs=_side(connection, _THEIRS, params),
        breaks={row["currency"]: OpenMoney(**_without_currency(row)) for row in breaks},
        state=connection.execute(text(_STATE), params).scalar_one(),
        exponents=exponents,
    )


def store_step(
    connection: Connection, day: DayStatus, request: StepRequest, rules: StepRules
) -> DayStep:
    """Take a step and store it with its audit row, in the caller's transaction.

    Raises:
        DayRefused: the rules do not allow it.
        IntegrityError: somebody else took a step meanwhile, or the database does not take the
            person; see ``storage.people.refused_people``.
    """
    step = take_step(day, request, rules)
    figures = step.figures.to_json()
    seal = connection.execute(text(_SEAL)).scalar_one_or_none()
    params = {
        "provider": day.provider,
        "day": day.day,
        "number": step.number,
        "action": str(step.action),
        "by": step.by,
        "eyes": sorted(step.eyes),
        "at": step.at,
        "reason": step.reason,
        "two_people": step.two_people,
        "run_id": step.run_id,
        "seal": seal,
        "figures": json.dumps(figures),
    }
    connection.execute(text(_INSERT), params)
    detail = {
        **{name: params[name] for name in ("number", "reason", "run_id", "seal")},
        "figures": figures,
    }
    record(
        connection, step.by, f"day.{step.action}", day_subject(day.provider, day.day), detail
    )
    return step


def note_close(
    connection: Connection, provider: str, day: date, *, run_id: str, by: str, reason: str
) -> bool:
    """Keep who closed a day and why; returns whether that run closed it at all."""
    params = {"provider": provider, "day": day, "run_id": run_id}
    values = {"by": by, "reason": reason.strip() or None}
    updated = connection.execute(text(_SET_REASON), {**params, **values}).rowcount
    if updated:
        detail = {"run_id": run_id, "reason": reason}
        record(connection, by, "day.closed", day_subject(provider, day), detail)
    return bool(updated)


def closed_days(connection: Connection, provider: str, *, first: date) -> set[date]:
    """The closed days of a provider from ``first`` on."""
    params = {"provider": provider, "first": first}
    return set(connection.execute(text(_KNOWN_DAYS), params).scalars())


def day_subject(provider: str, day: date) -> str:
    """The subject of a day in the audit trail."""
    return f"day {provider} {day}"


def _side(connection: Connection, sql: str, params: Mapping[str, Any]) -> dict[str, SideTotals]:
    rows = connection.execute(text(sql), dict(params)).mappings()
    return {row["currency"]: SideTotals(**_without_currency(row)) for row in rows}


def _without_currency(row: Mapping[Any, Any]) -> dict[str, int]:
    return {str(name): value for name, value in row.items() if name != "currency"}


def _closed(row: Row[Any]) -> ClosedDay:
    return ClosedDay(
        close_no=row.close_no,
        closed_at=row.closed_at,
        run_id=row.run_id,
        reason=row.reason or "",
        by=row.closed_by,
    )


def _step(row: Row[Any], exponents: Mapping[str, int]) -> DayStep:
    return DayStep(
        number=row.number,
        action=DayAction(row.action),
        by=row.by_name,
        eyes=frozenset(row.eyes),
        at=row.at,
        reason=row.reason,
        figures=stored_figures(row.figures, exponents),
        two_people=row.two_people,
        run_id=row.run_id,
        seal=row.seal,
    )
