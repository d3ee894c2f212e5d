"""A month of days at a glance: what was done to each, and the money of its open breaks.

The figures of both sides are left out, so a month costs no more than its breaks. A day whose
breaks or corrections moved after its last step shows as changed. Figures that moved without any
break show on the page of their day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from breaks.states import SETTLED
from reconcile.days.states import DayAction, DayState
from vocabulary.window import Window, day_window

_CLOSES = """
SELECT business_day, close_no FROM day_closes
 WHERE provider = :provider AND business_day BETWEEN :first AND :last
"""
_LAST_STEPS = """
SELECT DISTINCT ON (business_day) business_day, action, close_no, figures ->> 'state' AS digest
  FROM day_steps
 WHERE provider = :provider AND business_day BETWEEN :first AND :last
 ORDER BY business_day, number DESC
"""
_OF_DAYS = """
WITH of_days AS (
    SELECT b.break_id, b.currency, b.difference, w.state, b.cleared_at IS NULL AS found,
           (coalesce(b.began_at, b.first_seen) AT TIME ZONE :zone)::date AS day
      FROM breaks b JOIN break_workflows w USING (break_id)
     WHERE b.provider = :provider
       AND coalesce(b.began_at, b.first_seen) >= :start
       AND coalesce(b.began_at, b.first_seen) < :end)
"""
_OPEN = f"""
{_OF_DAYS}
SELECT day, currency, count(*) AS breaks, sum(abs(difference))::bigint AS gross
  FROM of_days WHERE found AND state <> ALL(:settled) GROUP BY day, currency
 ORDER BY day, currency
"""  # noqa: S608 - only the constant above is put in
# The same lines as reconcile.days.store digests for one day.
_DIGESTS = f"""
{_OF_DAYS},
lines AS (
    SELECT day, concat_ws(' ', break_id, state, difference, found) AS line FROM of_days
    UNION ALL
    SELECT o.day, concat_ws(' ', a.id, a.state, a.amount)
      FROM adjustments a JOIN of_days o USING (break_id)
     WHERE a.state <> 'rejected'
)
SELECT day, md5(string_agg(line, E'\\n' ORDER BY line)) AS digest FROM lines GROUP BY day
"""  # noqa: S608 - as above
_FIRST = """
SELECT least((SELECT min(first_at) FROM rounds WHERE provider = :provider),
             (SELECT min(created_at) FROM feed_records WHERE provider = :provider)) AS first_at
"""
#: The digest of a day without any break.
_NO_LINES = "d41d8cd98f00b204e9800998ecf8427e"


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


def calendar_of(
    connection: Connection, provider: str, zone: str, *, first: date, last: date, now: datetime
) -> list[CalendarDay]:
    """The days of a provider from ``first`` to ``last``, both included."""
    span = Window(
        start=day_window(first, ZoneInfo(zone)).start, end=day_window(last, ZoneInfo(zone)).end
    )
    params = {
        "provider": provider,
        "first": first,
        "last": last,
        "zone": zone,
        "start": span.start,
        "end": span.end,
        "settled": [str(state) for state in SETTLED],
    }
    closes = {
        row.business_day: row.close_no for row in connection.execute(text(_CLOSES), params)
    }
    steps = {row.business_day: row for row in connection.execute(text(_LAST_STEPS), params)}
    digests = (
        {row.day: row.digest for row in connection.execute(text(_DIGESTS), params)}
        if steps
        else {}
    )
    began_at = connection.execute(text(_FIRST), params).scalar_one()
    began = None if began_at is None else began_at.astimezone(ZoneInfo(zone)).date()
    open_breaks: dict[date, list[OpenGross]] = {}
    for row in connection.execute(text(_OPEN), params):
        gross = OpenGross(currency=row.currency, breaks=row.breaks, gross=row.gross)
        open_breaks.setdefault(row.day, []).append(gross)
    days = []
    for day in _days(first, last):
        step = steps.get(day)
        state = calendar_state(
            is_over=day_window(day, ZoneInfo(zone)).end <= now,
            close_no=closes.get(day),
            last_action=None if step is None else step.action,
            last_close_no=-1 if step is None else step.close_no,
            is_changed=step is not None and step.digest != digests.get(day, _NO_LINES),
        )
        days.append(
            CalendarDay(
                provider=provider,
                day=day,
                state=state,
                is_used=day in closes or (began is not None and began <= day),
                open_breaks=tuple(open_breaks.get(day, ())),
            )
        )
    return days


def calendar_state(
    *,
    is_over: bool,
    close_no: int | None,
    last_action: str | None,
    last_close_no: int,
    is_changed: bool,
) -> DayState:
    """The state that closes and steps show without the figures of both sides.

    Args:
        is_over: whether the day has ended in its zone.
        close_no: of the last close; None: no run closed it.
        last_action: of the last step; None: nobody took one.
        last_close_no: of the close that the last step rests on.
        is_changed: whether breaks or corrections differ from those of the last step.
    """
    if last_action is not None and last_action != DayAction.REOPEN:
        if is_changed:
            return DayState.CHANGED
        return DayState.SIGNED if last_action == DayAction.SIGN else DayState.PREPARED
    if close_no is not None and (last_action is None or close_no > last_close_no):
        return DayState.CLOSED
    if last_action is not None:
        return DayState.REOPENED
    return DayState.WAITING if is_over else DayState.OPEN


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
