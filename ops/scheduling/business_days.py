"""Business days of configured providers: what settings and feeds say about one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from feeds.arrival_delay import longest_maturity
from ledger.queries.account_movements import has_started
from ops.providers.configured import configured_provider
from ops.providers.maturity import maturity_rules
from ops.scheduling.closing_days import missing_by_day
from ops.settings.model import ProviderSettings
from reconcile.days.day_sums import kept_sides
from reconcile.days.states import DayState, DayStatus
from reconcile.days.store import DayTerms, load_days
from reconcile.days.sums import BreaksReader, SidesReader, read_breaks
from vocabulary.window import day_window


def business_day_of(
    connection: Connection,
    entry: ProviderSettings,
    day: date,
    now: datetime,
    *,
    sides: SidesReader = kept_sides,
) -> DayStatus:
    """A day of a provider as it is now, with what its feeds have not reported."""
    return business_days_of(connection, [(entry, day)], now, sides=sides)[0]


def business_days_of(
    connection: Connection,
    days: Sequence[tuple[ProviderSettings, date]],
    now: datetime,
    *,
    maturity: Mapping[str, timedelta] | None = None,
    sides: SidesReader = kept_sides,
    breaks: BreaksReader = read_breaks,
) -> list[DayStatus]:
    """Days of providers as they are now, read together.

    Args:
        connection: of the books.
        days: each a provider and a business day.
        now: the current instant.
        maturity: by provider, the age by which every row has its other side; None: reads it.
        sides: adds up both sides, or reads what is kept of them and holds.
        breaks: adds up breaks, or remembers what they come to.
    """
    if maturity is None:
        maturity = maturities_of(connection, (entry for entry, _ in days), now)
    windows = [day_window(day, ZoneInfo(entry.timezone)) for entry, day in days]
    mature = [
        window.end + maturity[entry.slug]
        for (entry, _), window in zip(days, windows, strict=True)
    ]
    missing = missing_by_day(
        connection,
        [(entry, day, mature_at) for (entry, day), mature_at in zip(days, mature, strict=True)],
    )
    terms = [
        DayTerms(
            provider=entry.slug,
            day=day,
            window=windows[place],
            zone=entry.timezone,
            mature_at=mature[place],
            waits_for=missing[place],
            exponents=configured_provider(entry).provider.exponents,
        )
        for place, (entry, day) in enumerate(days)
    ]
    return load_days(connection, terms, now, sides=sides, breaks=breaks)


def maturities_of(
    connection: Connection, entries: Iterable[ProviderSettings], now: datetime
) -> dict[str, timedelta]:
    """By provider, the age by which every row must have its other side."""
    by_slug = {entry.slug: entry for entry in entries}
    return {
        slug: longest_maturity(connection, slug, maturity_rules(entry), now)
        for slug, entry in by_slug.items()
    }


def recent_days(
    connection: Connection, entries: Sequence[ProviderSettings], now: datetime, *, days: int
) -> list[DayStatus]:
    """The last days of providers on which either side has a row, or that are closed."""
    wanted = [
        (entry, now.astimezone(ZoneInfo(entry.timezone)).date() - timedelta(days=back))
        for entry in entries
        for back in range(days - 1, -1, -1)
    ]
    listed = business_days_of(connection, wanted, now)
    return [day for day in listed if day.closed or day.figures.currencies]


def needs_signature(connection: Connection, day: DayStatus) -> bool:
    """Whether a day has to be signed and is not: not so before a provider's first row."""
    if day.state is DayState.SIGNED:
        return False
    return not day.is_over or has_started(connection, day.provider, day.window.end)
