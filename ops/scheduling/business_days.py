"""Business days of configured providers: what settings and feeds say about one."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from feeds.arrival_delay import maturity_for
from ledger.queries.account_movements import has_started
from ops.providers.configured import configured_provider
from ops.providers.maturity import maturity_rules
from ops.scheduling.closing_days import missing_from_feeds
from ops.settings.close import CloseSettings
from ops.settings.model import ProviderSettings
from reconcile.days.states import DayState, DayStatus, StepRules
from reconcile.days.store import DayTerms, load_day
from vocabulary.money import Money
from vocabulary.window import day_window

_ARRIVED = """
SELECT EXISTS (SELECT FROM rounds
                WHERE provider = :provider AND first_at >= :start AND first_at < :end) AS ours,
       EXISTS (SELECT FROM feed_records
                WHERE provider = :provider AND created_at >= :start AND created_at < :end)
           AS theirs
"""


def business_day_of(
    connection: Connection, entry: ProviderSettings, day: date, now: datetime
) -> DayStatus:
    """A day of a provider as it is now, with what its feeds have not reported."""
    window = day_window(day, ZoneInfo(entry.timezone))
    maturity = maturity_for(connection, entry.slug, maturity_rules(entry), now)
    mature_at = window.end + max(kind.age for kind in maturity.by_kind.values())
    terms = DayTerms(
        provider=entry.slug,
        day=day,
        window=window,
        zone=entry.timezone,
        mature_at=mature_at,
        waits_for=tuple(_waits(connection, entry, day, mature_at)),
        exponents=configured_provider(entry).provider.exponents,
    )
    return load_day(connection, terms, now)


def recent_days(
    connection: Connection, entry: ProviderSettings, now: datetime, *, days: int
) -> list[DayStatus]:
    """The last days of a provider on which either side has a row, or that are closed."""
    today = now.astimezone(ZoneInfo(entry.timezone)).date()
    listed = (
        business_day_of(connection, entry, today - timedelta(days=back), now)
        for back in range(days - 1, -1, -1)
    )
    return [day for day in listed if day.closed or day.figures.currencies]


def needs_signature(connection: Connection, day: DayStatus) -> bool:
    """Whether a day has to be signed and is not: not so before a provider's first row."""
    if day.state is DayState.SIGNED:
        return False
    return not day.is_over or has_started(connection, day.provider, day.window.end)


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def step_rules(settings: CloseSettings) -> StepRules:
    """The settings of days as the state machine takes them."""
    accepts = tuple(
        (code, Money.parse(amount, code).minor) for code, amount in settings.accepts.items()
    )
    return StepRules(two_people=settings.two_people, accepts=accepts)


def _waits(
    connection: Connection, entry: ProviderSettings, day: date, mature_at: datetime
) -> Iterator[str]:
    yield from missing_from_feeds(connection, entry, day, mature_at)
    window = day_window(day, ZoneInfo(entry.timezone))
    params = {"provider": entry.slug, "start": window.start, "end": window.end}
    rows = connection.execute(text(_ARRIVED), params).one()
    if rows.ours and not rows.theirs:
        yield f"no record of {day} was received"
