"""The first page: how yesterday stands at each provider, the month, and what waits for whom."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from breaks.mentions import count_unread
from breaks.overview import OpenSum, open_sums, waiting_work
from breaks.policy import AGES
from console.config import ConsoleConfig, Visit
from console.pages.parameters import read_day, read_month
from console.replies import HtmlPage
from console.sentences import figure_rows, since_lines, today_sentence
from reconcile.days.calendar import calendar_of


def show(visit: Visit) -> HtmlPage:
    """One line for each provider; the heat map of the month; needs me; money by age."""
    config, now = visit.config, visit.now
    chosen = read_day(visit.query.get("day"))
    with visit.console.readers.connect() as connection:
        days = [
            config.day_of(connection, term.slug, chosen or yesterday(now, term.zone), now)
            for term in config.providers
        ]
        day = chosen or (days[0].day if days else yesterday(now, "UTC"))
        month = read_month(visit.query.get("month")) or day.replace(day=1)
        values = {
            "sentence": today_sentence(days, day),
            "day": day,
            "before": day - timedelta(days=1),
            "after": day + timedelta(days=1),
            "days": [
                {
                    "status": status,
                    "rows": figure_rows(status.figures),
                    "since": since_lines(status),
                }
                for status in days
            ],
            "month": month_of(connection, config, month, now),
            "waiting": waiting_work(
                connection, visit.signed_in.person.name, config.due_rules, now=now
            ),
            "mentioned": count_unread(connection, visit.signed_in.person.person_id),
            **money_by_age(open_sums(connection, now=now)),
        }
    return HtmlPage(template="today.html", values=values)


def yesterday(now: datetime, zone: str) -> date:
    """The last business day that is over in a zone."""
    return now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)


def month_of(
    connection: Connection, config: ConsoleConfig, first: date, now: datetime
) -> dict[str, Any]:
    """The days of a month by provider, with the months beside it."""
    after = (first + timedelta(days=32)).replace(day=1)
    last = after - timedelta(days=1)
    return {
        "first": first,
        "before": (first - timedelta(days=1)).replace(day=1),
        "after": after,
        "days": [first + timedelta(days=offset) for offset in range(last.day)],
        "rows": [
            (
                term.slug,
                calendar_of(connection, term.slug, term.zone, first=first, last=last, now=now),
            )
            for term in config.providers
        ],
    }


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
        "ages": [(age, counts[age]) for age in AGES],
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
