"""A month of days at a glance: what was done to each, and the money of its open breaks.

The figures of both sides are left out, so a month costs no more than its breaks. A day whose
breaks or corrections moved after its last step shows as changed. Figures that moved without any
break show on the page of their day.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from breaks.states import settled_states
from reconcile.days.states import DayAction, DayState
from reconcile.days.sums import NO_LINES
from storage.archive.row_cut import rows_begin_at
from vocabulary.window import day_window

_Key = tuple[str, date]

_OF = """
unnest(CAST(:providers AS text[]), CAST(:zones AS text[]), CAST(:starts AS timestamptz[]),
       CAST(:ends AS timestamptz[])) AS p (provider, zone, start_at, end_at)
"""
_CLOSES = """
SELECT provider, business_day, close_no FROM day_closes
 WHERE provider = ANY(:providers) AND business_day BETWEEN :first AND :last
"""
_LAST_STEPS = """
SELECT DISTINCT ON (provider, business_day) provider, business_day, action, close_no,
       figures ->> 'state' AS digest
  FROM day_steps
 WHERE provider = ANY(:providers) AND business_day BETWEEN :first AND :last
 ORDER BY provider, business_day, number DESC
"""
_OF_DAYS = f"""
WITH of_days AS MATERIALIZED (
    SELECT b.provider, b.break_id, b.currency, b.difference, w.state,
           b.cleared_at IS NULL AS found,
           (coalesce(b.began_at, b.first_seen) AT TIME ZONE p.zone)::date AS day
      FROM {_OF}
      JOIN breaks b ON b.provider = p.provider
                   AND coalesce(b.began_at, b.first_seen) >= p.start_at
                   AND coalesce(b.began_at, b.first_seen) < p.end_at
      JOIN break_workflows w USING (break_id))
"""  # noqa: S608 - only the constant above is put in
_OPEN = """
SELECT provider, day, currency, count(*) AS breaks, sum(abs(difference)) AS gross,
       CAST(NULL AS text) AS digest
  FROM of_days WHERE found AND state <> ALL(:settled) GROUP BY provider, day, currency
"""
# The same lines as reconcile.days.sums digests for one day; only for days that have a step.
_DIGESTS = """
SELECT provider, day, '', 0, 0, md5(string_agg(line, E'\\n' ORDER BY line))
  FROM (SELECT provider, day, concat_ws(' ', break_id, state, difference, found) AS line
          FROM of_days
        UNION ALL
        SELECT o.provider, o.day, concat_ws(' ', a.id, a.state, a.amount)
          FROM adjustments a JOIN of_days o USING (break_id)
         WHERE a.state <> 'rejected') AS lines
 WHERE EXISTS (SELECT FROM day_steps s
                WHERE s.provider = lines.provider AND s.business_day = lines.day)
 GROUP BY provider, day
"""
_BREAKS = f"{_OF_DAYS} {_OPEN} UNION ALL {_DIGESTS} ORDER BY provider, day, currency"
_FIRST = f"""
SELECT p.provider, least((SELECT min(first_at) FROM rounds r WHERE r.provider = p.provider),
                         (SELECT min(created_at) FROM feed_records f
                           WHERE f.provider = p.provider),
                         (SELECT min(starts_at) FROM day_closes c
                           WHERE c.provider = p.provider
                             AND EXISTS (SELECT FROM archived_row_months))) AS first_at
  FROM {_OF}
"""  # noqa: S608 - only the constant above is put in


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGross:
    """The open breaks of a day in one currency; ``gross`` unsigned, minor units."""

    currency: str
    breaks: int
    gross: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """One day of a provider.

    Attributes:
        state: open while the day runs, then waiting until a run closed it, and on from there.
        is_used: whether it is not before the first row of either side.
        open_breaks: by currency; empty: none.
    """

    provider: str
    day: date
    state: DayState
    is_used: bool = True
    open_breaks: tuple[OpenGross, ...] = ()

    @property
    def open_count(self) -> int:
        """Breaks that nobody has settled yet."""
        return sum(gross.breaks for gross in self.open_breaks)


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the database holds about days, by provider and day."""

    closes: Mapping[_Key, int]
    steps: Mapping[_Key, Row[Any]]
    open_breaks: Mapping[_Key, Sequence[OpenGross]]
    digests: Mapping[_Key, str]
    began_at: Mapping[str, datetime | None]
    cut: datetime | None


def calendar_of(
    connection: Connection, provider: str, zone: str, *, first: date, last: date, now: datetime
) -> list[CalendarDay]:
    """The days of a provider from ``first`` to ``last``, both included."""
    calendars = calendars_of(connection, {provider: zone}, first=first, last=last, now=now)
    return calendars[provider]


def calendars_of(
    connection: Connection, zones: Mapping[str, str], *, first: date, last: date, now: datetime
) -> dict[str, list[CalendarDay]]:
    """The days of providers from ``first`` to ``last``, both included, by provider."""
    rows = _read(connection, zones, first, last)
    return {
        provider: [_day(rows, provider, ZoneInfo(zone), day, now) for day in _days(first, last)]
        for provider, zone in zones.items()
    }


def _read(connection: Connection, zones: Mapping[str, str], first: date, last: date) -> _Rows:
    params = {
        "providers": list(zones),
        "zones": list(zones.values()),
        "starts": [day_window(first, ZoneInfo(zone)).start for zone in zones.values()],
        "ends": [day_window(last, ZoneInfo(zone)).end for zone in zones.values()],
        "first": first,
        "last": last,
        "settled": settled_states(),
    }
    open_breaks: dict[_Key, list[OpenGross]] = {}
    digests: dict[_Key, str] = {}
    for row in connection.execute(text(_BREAKS), params):
        if row.digest is not None:
            digests[row.provider, row.day] = row.digest
            continue
        gross = OpenGross(currency=row.currency, breaks=row.breaks, gross=int(row.gross))
        open_breaks.setdefault((row.provider, row.day), []).append(gross)
    closes, steps = (
        connection.execute(text(query), params).all() for query in (_CLOSES, _LAST_STEPS)
    )
    return _Rows(
        closes={(row.provider, row.business_day): row.close_no for row in closes},
        steps={(row.provider, row.business_day): row for row in steps},
        open_breaks=open_breaks,
        digests=digests,
        began_at={
            row.provider: row.first_at for row in connection.execute(text(_FIRST), params)
        },
        cut=rows_begin_at(connection),
    )


def _day(rows: _Rows, provider: str, zone: ZoneInfo, day: date, now: datetime) -> CalendarDay:
    key = (provider, day)
    step, began_at = rows.steps.get(key), rows.began_at[provider]
    window = day_window(day, zone)
    state = calendar_state(
        is_over=window.end <= now,
        close_no=rows.closes.get(key),
        last_action=None if step is None else step.action,
        last_close_no=-1 if step is None else step.close_no,
        is_changed=step is not None and step.digest != rows.digests.get(key, NO_LINES),
        rows_left=rows.cut is not None and window.start < rows.cut,
    )
    has_begun = began_at is not None and began_at.astimezone(zone).date() <= day
    return CalendarDay(
        provider=provider,
        day=day,
        state=state,
        is_used=key in rows.closes or has_begun,
        open_breaks=tuple(rows.open_breaks.get(key, ())),
    )


def calendar_state(
    *,
    is_over: bool,
    close_no: int | None,
    last_action: str | None,
    last_close_no: int,
    is_changed: bool,
    rows_left: bool = False,
) -> DayState:
    """The state that closes and steps show without the figures of both sides.

    Args:
        is_over: whether the day has ended in its zone.
        close_no: of the last close; None: no run closed it.
        last_action: of the last step; None: nobody took one.
        last_close_no: of the close that the last step rests on.
        is_changed: whether breaks or corrections differ from those of the last step.
        rows_left: whether no run can close it again; then its close stands.
    """
    if last_action is not None and last_action != DayAction.REOPEN:
        if is_changed:
            return DayState.CHANGED
        return DayState.SIGNED if last_action == DayAction.SIGN else DayState.PREPARED
    counts = last_action is None or rows_left or (close_no or 0) > last_close_no
    if close_no is not None and counts:
        return DayState.CLOSED
    if last_action is not None:
        return DayState.REOPENED
    return DayState.WAITING if is_over else DayState.OPEN


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
