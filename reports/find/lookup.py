"""What the lookups share: one query, and the parameters that several of them take."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from ledger.enums import OWN_SLUG
from reconcile.days.day_amounts import AmountOfDay, Side, minutes_of_amounts
from reports.find.hits import SearchScope
from reports.find.query import Candidate
from vocabulary.errors import Malformed
from vocabulary.ids import match_key
from vocabulary.money import Money
from vocabulary.window import Window, day_window
from vocabulary.zones import zone_of

# The rows of a table of a day, all of it or some of its minutes. OFFSET keeps each minute a
# lookup by the index of time, whatever statistics say.
_MINUTES = """(
    SELECT x.* FROM unnest(CAST(:minutes AS integer[])) AS m (number)
     CROSS JOIN LATERAL (
           SELECT * FROM {table} y
            WHERE y.provider = :slug
              AND y.{at} >= CAST(:start AS timestamptz) + m.number * interval '1 minute'
              AND y.{at} < CAST(:start AS timestamptz) + (m.number + 1) * interval '1 minute'
           OFFSET 0) x
    )"""
#: The day of each provider, and the amount in its units, as ``d``.
DAYS_OF_PROVIDERS = """unnest(CAST(:slugs AS text[]), CAST(:starts AS timestamptz[]),
                  CAST(:ends AS timestamptz[]), CAST(:minors AS bigint[]))
             AS d (slug, start_at, end_at, minor)"""
_OF_PROVIDERS = f"SELECT x.* FROM {DAYS_OF_PROVIDERS} CROSS JOIN LATERAL ({{query}}) x"  # noqa: S608 - our own constants
_TABLES: Mapping[Side, Mapping[str, str]] = {
    "ours": {"table": "rounds", "at": "first_at"},
    "theirs": {"table": "feed_records", "at": "created_at"},
}
_OF_DAY = {side: names["table"] for side, names in _TABLES.items()}
_OF_MINUTES = {side: _MINUTES.format(**names) for side, names in _TABLES.items()}


def fetch(
    connection: Connection, query: str, parameters: Mapping[str, object]
) -> list[Mapping[str, Any]]:
    """The rows of a query by column."""
    return [dict(row) for row in connection.execute(text(query), dict(parameters)).mappings()]


def slugs(scope: SearchScope, *, own: bool = False) -> list[str]:
    """The providers to search, and ours with ``own``."""
    return [*scope.zones, *([OWN_SLUG] if own else [])]


def match_keys(scope: SearchScope, round_id: str) -> list[int]:
    """The keys of a round at every provider."""
    return [match_key(slug, round_id) for slug in scope.zones]


def rows_of_amount(
    connection: Connection,
    query: str,
    candidate: Candidate,
    scope: SearchScope,
    *,
    own: bool = False,
) -> list[Mapping[str, Any]]:
    """The rows of an amount on each provider's day, and of ours with ``own``, read together.

    The query is that of one provider: it reads ``slug, start_at, end_at, minor`` of ``d``, and
    takes ``currency, limit`` and ``own``, our slug.
    """
    days = days_of_amount(candidate, scope, own=own)
    if not days:
        return []
    parameters = {
        **columns_of(days),
        "currency": candidate.currency,
        "limit": scope.limit,
        "own": OWN_SLUG,
    }
    return fetch(connection, _OF_PROVIDERS.format(query=query), parameters)


def columns_of(days: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """What ``DAYS_OF_PROVIDERS`` takes, from the parameters of each day."""
    return {
        f"{name}s": [day[name] for day in days] for name in ("slug", "start", "end", "minor")
    }


def rows_of_listed_amount(
    connection: Connection, side: Side, query: str, candidate: Candidate, scope: SearchScope
) -> list[Mapping[str, Any]]:
    """The rows of an amount on the day of each provider, read only where they are.

    Of a day whose amounts are kept, the minutes that have this one are read; else all of it.
    The query reads from ``{rows}`` and takes ``slug, start, end, currency, minor, limit``.
    """
    days = {
        AmountOfDay(
            provider=params["slug"],
            window=Window(start=params["start"], end=params["end"]),
            amount=params["minor"],
        ): params
        for params in days_of_amount(candidate, scope)
    }
    listed = minutes_of_amounts(
        connection, side, list(days), currency=candidate.currency, limit=scope.limit
    )
    rows: list[Mapping[str, Any]] = []
    for day, params in days.items():
        if len({(row["provider"], row["round_id"]) for row in rows}) >= scope.limit:
            break  # what other providers have would not be shown
        minutes = listed.get(day)
        if minutes is None:
            rows += fetch(connection, query.format(rows=_OF_DAY[side]), params)
        elif minutes:
            of_minutes = query.format(rows=_OF_MINUTES[side])
            rows += fetch(connection, of_minutes, {**params, "minutes": minutes})
    return rows


def days_of_amount(
    candidate: Candidate, scope: SearchScope, *, own: bool = False
) -> list[dict[str, Any]]:
    """The parameters of a search for an amount, for each provider that can have it."""
    parameters = (_day_parameters(candidate, scope, slug) for slug in slugs(scope, own=own))
    return [day for day in parameters if day is not None]


def _day_parameters(
    candidate: Candidate, scope: SearchScope, slug: str
) -> dict[str, Any] | None:
    """The parameters of a search for an amount on the day of a provider.

    None if the provider has no such amount: it has more digits than the currency.
    """
    assert scope.day is not None
    minor = minor_of(candidate, scope, slug)
    if minor is None:
        return None
    day = day_window(scope.day, ZoneInfo(zone_of(scope.zones, slug)))
    return {
        "slug": slug,
        "start": day.start,
        "end": day.end,
        "currency": candidate.currency,
        "minor": minor,
        "limit": scope.limit,
    }


def minor_of(candidate: Candidate, scope: SearchScope, slug: str) -> int | None:
    """The minor units of an amount at a provider; None if it does not fit the currency."""
    exponents = scope.exponents.get(slug, {})
    try:
        return Money.parse(candidate.text, candidate.currency, exponents=exponents).minor
    except Malformed:
        return None


def at(instant: datetime | None) -> str | None:
    """An instant as UTC to the second, for people."""
    return None if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
