"""What the ledger holds of the days of journals, also of days whose rows left for archives.

Of a day before the cut that is what its journals booked and what was posted since they were
issued. The caller compares it with the figures that were signed, so a day whose journals did
not book all of it is found.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from ledger.enums import OWN_SLUG, Account
from ledger.queries.account_movements import (
    AccountMovement,
    BookingNature,
    account_movements,
)
from reports.journal.model import IssuedJournal, JournalKind
from storage.archive.row_cut import RowsAreAway, rows_begin_at
from vocabulary.window import Window, day_window

#: Movements by day.
DayMovements = Mapping[date, Sequence[AccountMovement]]


def movements_of_days(
    connection: Connection,
    provider: str,
    days: Sequence[date],
    zone: str,
    journals: Iterable[IssuedJournal],
    *,
    played: Set[date],
) -> DayMovements:
    """What the rounds of a provider's days moved, up to now.

    Args:
        connection: reads all days at one instant.
        provider: the slug, or ours.
        days: one after another.
        zone: of the days.
        journals: those that were issued of these days.
        played: the days that were signed with any round of ours.

    Raises:
        RowsAreAway: rows of a day left for an archive and no journal of it was issued before.
    """
    cut = None if provider == OWN_SLUG else rows_begin_at(connection)
    windows = {day: day_window(day, ZoneInfo(zone)) for day in days}
    before = [day for day in days if cut is not None and windows[day].start < cut]
    movements: dict[date, Sequence[AccountMovement]] = {
        day: _since_issue(connection, provider, day, zone, journals)
        for day in before
        if day in played
    }
    if after := days[len(before) :]:
        window = Window(start=windows[after[0]].start, end=windows[after[-1]].end)
        movements |= account_movements(connection, provider, window, zone)
    return movements


def _since_issue(
    connection: Connection,
    provider: str,
    day: date,
    zone: str,
    journals: Iterable[IssuedJournal],
) -> list[AccountMovement]:
    issued = [
        journal
        for journal in journals
        if (journal.key.provider, journal.key.business_day, journal.key.kind)
        == (provider, day, JournalKind.DAY)
    ]
    if not issued:
        raise RowsAreAway(
            f"{day} of {provider}: its rows left the database for an archive, and no journal of"
            " it was issued before. Leave the day out, and book what was signed by hand"
        )
    sums: dict[tuple[BookingNature, Account, str], int] = defaultdict(int)
    for journal in issued:
        for line in journal.lines:
            name = (BookingNature(line.nature), Account(line.account), journal.key.currency)
            sums[name] += line.minor
    since = max(journal.issued_at for journal in issued)
    window = day_window(day, ZoneInfo(zone))
    later = account_movements(connection, provider, window, zone, since=since)
    for movement in later.get(day, ()):
        sums[movement.nature, movement.account, movement.currency] += movement.minor
    return [
        AccountMovement(nature=nature, account=account, currency=currency, minor=minor)
        for (nature, account, currency), minor in sums.items()
        if minor
    ]
