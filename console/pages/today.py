"""The first page: how yesterday stands at each provider, the month, and what waits for whom."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from breaks.lists.overview import OpenSum, last_change, open_sums, waiting_work
from breaks.mentions import count_unread
from breaks.policy import AGES
from breaks.states import SETTLED, BreakState
from console.addresses import address
from console.config import Console, ConsoleConfig, Visit
from console.pages.jobs.requesting import new_request_key
from console.pages.parameters import read_day, read_month, within_years
from console.replies import HtmlPage
from console.sentences import (
    figure_rows,
    nobody_owes_sentence,
    since_lines,
    summed_at,
    today_sentence,
)
from reconcile.days.calendar import CalendarDay, calendars_of
from reconcile.days.states import DayState, DayStatus
from storage.jobs.queries import jobs_before
from vocabulary.people import Right

#: Most jobs that are counted as under way.
JOBS_MAX = 100
#: Readings by the key under which their results are kept.
_Reads = dict[tuple[object, ...], Callable[[Connection], Any]]


def show(visit: Visit) -> HtmlPage:
    """One line for each provider; the heat map of the month; needs me; money by age."""
    config, now = visit.config, visit.now
    chosen = read_day(visit.query.get("day"))
    with visit.console.readers.connect() as connection:
        wanted = [(term.slug, chosen or yesterday(now, term.zone)) for term in config.providers]
        days = config.listed_days(connection, wanted, now)
        day = chosen or (days[0].day if days else yesterday(now, config.reporting_zone))
        month = read_month(visit.query.get("month")) or day.replace(day=1)
        stamp = last_change(connection, config.zones)
        kept = [
            visit.console.kept.get(connection, key, read, stamp=stamp)
            for key, read in _costly(visit, month).items()
        ]
        active = jobs_before(connection, active=True, limit=JOBS_MAX)
        mentioned = count_unread(connection, visit.signed_in.person.person_id)
    waiting, sums, calendars = (read.value for read in kept)
    values = {
        "sentence": today_sentence(days, day),
        "summed_at": min([summed_at(days) or now, *(read.read_at for read in kept)]),
        "day": day,
        "before": within_years(day - timedelta(days=1)),
        "after": within_years(day + timedelta(days=1)),
        "days": [
            {
                "status": status,
                "rows": figure_rows(status.figures),
                "since": since_lines(status),
            }
            for status in days
        ],
        "nobody_owes": nobody_owes_sentence(days),
        "month": month_of(calendars, month),
        "waiting": waiting,
        "mentioned": mentioned,
        "next": next_steps(days, day),
        "may_run": visit.signed_in.person.may(Right.RUN_DAYS),
        "may_decide": visit.signed_in.person.may(Right.DECIDE),
        "request_key": new_request_key(),
        "jobs": len(active),
        **money_by_age(sums),
    }
    return HtmlPage(template="today.html", values=values)


def next_steps(days: Sequence[DayStatus], day: date) -> dict[str, Any]:
    """What can be done about a day: whom to sweep, how many breaks are open, what to sign."""
    of_day = [status for status in days if status.day == day and status.is_over]
    signable = {DayState.CLOSED, DayState.PREPARED, DayState.CHANGED}
    unclosed = {DayState.READY, DayState.WAITING, DayState.REOPENED}
    return {
        "sweep": [s.provider for s in of_day if s.state is not DayState.SIGNED],
        "breaks": sum(status.figures.open_count for status in of_day),
        "sign_off": sum(status.state in signable for status in of_day),
        "closes": any(status.state in unclosed for status in of_day),
        "signed": bool(of_day) and all(s.state is DayState.SIGNED for s in of_day),
    }


def yesterday(now: datetime, zone: str) -> date:
    """The last business day that is over in a zone."""
    return now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)


def keep_ready(console: Console) -> None:
    """Read what everybody sees of this month, unless it is kept."""
    config, now = console.config, console.clock.now()
    month = yesterday(now, config.providers[0].zone).replace(day=1)
    with console.readers.connect() as connection:
        stamp = last_change(connection, config.zones)
        for key, read in _of_everybody(config, now, month).items():
            console.kept.get(connection, key, read, stamp=stamp)


def _costly(visit: Visit, month: date) -> _Reads:
    """What adds up all open breaks, or a month of them, by the key under which it is kept."""
    config, now, person = visit.config, visit.now, visit.signed_in.person.name
    waiting = partial(waiting_work, person=person, rules=config.due_rules, now=now)
    return {("waiting", person): waiting, **_of_everybody(config, now, month)}


def _of_everybody(config: ConsoleConfig, now: datetime, month: date) -> _Reads:
    return {
        ("open sums",): partial(open_sums, now=now),
        ("month", month): partial(
            calendars_of, zones=config.zones, first=month, last=_last_of(month), now=now
        ),
    }


def _last_of(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def month_of(calendars: Mapping[str, Sequence[CalendarDay]], first: date) -> dict[str, Any]:
    """The days of a month by provider, with the months beside it."""
    last = _last_of(first)
    return {
        "first": first,
        "before": within_years((first - timedelta(days=1)).replace(day=1)),
        "after": within_years(last + timedelta(days=1)),
        "days": [first + timedelta(days=offset) for offset in range(last.day)],
        "rows": list(calendars.items()),
    }


def _age_addresses() -> dict[str, str]:
    """By age, the list of the breaks that are not settled and so old."""
    states = ",".join(state for state in BreakState if state not in SETTLED)
    addresses, least = {}, None
    for age, end in AGES.items():
        most = None if end == timedelta.max else end.days
        addresses[age] = address("breaks", age=least, under=most, state=states, sort="age")
        least = most
    return addresses


def money_by_age(sums: Sequence[OpenSum]) -> dict[str, Any]:
    """Open breaks by age, and their money by provider and by who owes."""
    counts: Counter[str] = Counter()
    for line in sums:
        counts[line.age] += line.breaks
    owed: dict[tuple[str, str, str], list[int]] = {}
    for line in sums:
        totals = owed.setdefault((line.provider, str(line.impact), line.currency), [0, 0])
        totals[0] += line.breaks
        totals[1] += line.amount
    return {
        "ages": [(age, counts[age], address) for age, address in _age_addresses().items()],
        "ages_max": max(counts.values(), default=0),
        "owed": [
            {
                "provider": provider,
                "impact": impact,
                "currency": currency,
                "breaks": breaks,
                "amount": amount,
            }
            for (provider, impact, currency), (breaks, amount) in sorted(owed.items())
        ],
    }
