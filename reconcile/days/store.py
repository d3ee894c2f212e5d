"""Read what decides the state of a day, and store the steps of people.

Tables read: ``day_closes``, ``day_steps``, ``seals``, and those of ``reconcile.days.sums``;
written: ``day_steps``, ``audit``.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from reconcile.days.figures import BothSides, DayFigures, stored_figures
from reconcile.days.states import (
    ClosedDay,
    DayAction,
    DayStatus,
    DayStep,
    StepRequest,
    StepRules,
    take_step,
)
from reconcile.days.sums import (
    BreaksReader,
    SidesReader,
    figures_of_days,
    read_breaks,
    read_sides,
    sides_since,
)
from storage.archive.row_cut import rows_begin_at
from storage.audit import record
from vocabulary.window import Window

_CLOSES = """
SELECT c.* FROM day_closes c
  JOIN unnest(CAST(:providers AS text[]), CAST(:days AS date[])) AS d (provider, business_day)
       USING (provider, business_day)
"""
_STEPS = """
SELECT s.* FROM day_steps s
  JOIN unnest(CAST(:providers AS text[]), CAST(:days AS date[])) AS d (provider, business_day)
       USING (provider, business_day)
 ORDER BY s.number
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


def load_day(
    connection: Connection, terms: DayTerms, now: datetime, *, sides: SidesReader = read_sides
) -> DayStatus:
    """Read a day with its figures of now, its sides by the given reader."""
    return load_days(connection, [terms], now, sides=sides)[0]


def load_days(
    connection: Connection,
    days: Sequence[DayTerms],
    now: datetime,
    *,
    sides: SidesReader = read_sides,
    breaks: BreaksReader = read_breaks,
) -> list[DayStatus]:
    """Read days with their figures of now, or with what ``sides`` and ``breaks`` keep of them.

    Where rows of a day left for an archive, our side is what its last step fixed, and what was
    posted since.
    """
    params = {
        "providers": [terms.provider for terms in days],
        "days": [terms.day for terms in days],
    }
    closes = {_key(row): row for row in connection.execute(text(_CLOSES), params).all()}
    steps: dict[tuple[str, date], list[Row[Any]]] = {}
    for row in connection.execute(text(_STEPS), params).all():
        steps.setdefault(_key(row), []).append(row)
    last_steps = {
        (terms.provider, terms.window.start): _step(rows[-1], terms.exponents)
        for terms in days
        if (rows := steps.get((terms.provider, terms.day)))
    }
    cut = rows_begin_at(connection)
    figures = figures_of_days(
        connection,
        [(terms.provider, terms.window, terms.exponents) for terms in days],
        sides=_with_steps(sides, cut, last_steps),
        breaks=breaks,
    )
    return [
        replace(
            _status(terms, now, closes.get(key), steps.get(key, []), sums),
            rows_left=cut is not None and terms.window.start < cut,
        )
        for terms, sums in zip(days, figures, strict=True)
        for key in [(terms.provider, terms.day)]
    ]


def _with_steps(
    sides: SidesReader,
    cut: datetime | None,
    last_steps: Mapping[tuple[str, datetime], DayStep],
) -> SidesReader:
    """Read sums as ``sides`` does; of days from before the cut, as their last steps have them.

    A month leaves only after all its days were signed, so a day without a step has no rows.
    """

    def read(
        connection: Connection, provider: str, window: Window, stamp: Hashable
    ) -> BothSides:
        step = last_steps.get((provider, window.start))
        if cut is None or window.start >= cut or step is None:
            return sides(connection, provider, window, stamp)
        return sides_since(connection, provider, window, step.figures, step.at)

    return read


def _status(
    terms: DayTerms,
    now: datetime,
    close: Row[Any] | None,
    rows: Sequence[Row[Any]],
    figures: DayFigures,
) -> DayStatus:
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
        figures=figures,
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


def day_subject(provider: str, day: date) -> str:
    """The subject of a day in the audit trail."""
    return f"day {provider} {day}"


def _key(row: Row[Any]) -> tuple[str, date]:
    return row.provider, row.business_day


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
