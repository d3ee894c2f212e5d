"""Issue the journals that are due for signed days, and read those of a period."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from ledger.enums import OWN_SLUG, Account
from ledger.queries.account_movements import (
    AccountMovement,
    BookingNature,
)
from ops.finance.accruals import FeeAccrual, fee_accruals
from ops.finance.day_movements import movements_of_days
from ops.finance.unsigned_days import SIGN_FIRST, UnsignedDay, unsigned_lines
from ops.providers.configured import configured_provider
from ops.scheduling.business_days import business_day_of, needs_signature
from ops.settings.model import ProviderSettings, Settings
from ops.settings.sections.journal import mapped_accounts
from reconcile.days.figures import NO_TOTALS
from reconcile.days.states import DayRefused, DayState, DayStatus
from reports.journal.formats import FormatTerms
from reports.journal.model import (
    Amounts,
    IssuedJournal,
    JournalKey,
    JournalKind,
    amounts_by_currency,
    due_journals,
    fee_amounts,
)
from reports.journal.store import (
    DueJournal,
    JournalPeriod,
    booked_by,
    issue,
    load_journals,
    lock_journals,
)
from vocabulary.clock import Clock
from vocabulary.currencies import digits_of, joined_exponents, outside_iso
from vocabulary.errors import Contradiction, Malformed
from vocabulary.window import day_window, days_between

_PLAYERS = frozenset({Account.PLAYER_WALLET, Account.PLAYER_RECEIVABLE})
_IN_FIGURES = frozenset({BookingNature.PLAY, BookingNature.CORRECTION})


class LedgerDisagrees(Contradiction):
    """The entries of a day, or the totals of a month, are not what was signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """Which journals to issue.

    Attributes:
        first, last: both included.
        own_zone: of the days of our own operations; None: they are not exported.
        codes: the general ledger's code of each account.
        by: the person's name.
    """

    first: date
    last: date
    entries: tuple[ProviderSettings, ...]
    own_zone: str | None
    codes: Mapping[str, str]
    accruals: tuple[FeeAccrual, ...]
    by: str

    @property
    def days(self) -> Sequence[date]:
        """Every day of the period."""
        return days_between(self.first, self.last)

    @property
    def period(self) -> JournalPeriod:
        """The days and providers of the journals."""
        slugs = [entry.slug for entry in self.entries]
        own = [] if self.own_zone is None else [OWN_SLUG]
        return JournalPeriod(first=self.first, last=self.last, providers=(*own, *slugs))


def export_request(
    settings: Settings,
    url: str,
    days: tuple[date, date],
    *,
    entry: ProviderSettings | None,
    by: str,
    clock: Clock,
) -> ExportRequest:
    """The request for the days from the first to the last, with the fees of whole months.

    Args:
        settings: those in force.
        url: of the database.
        days: the first and the last.
        entry: the only provider; None: all, and our own operations.
        by: the person's name.
        clock: decides what is immature.

    Raises:
        SettingsInvalid: names every account without a code.
        Unavailable: the database cannot be reached.
    """
    entries = settings.providers if entry is None else (entry,)
    has_fees = any(entry.terms is not None for entry in entries)
    codes = mapped_accounts(settings.journal, fees=has_fees)
    return ExportRequest(
        first=days[0],
        last=days[1],
        entries=entries,
        own_zone=settings.reporting.zone if entry is None else None,
        codes=codes,
        accruals=tuple(
            accrual for entry in entries for accrual in fee_accruals(url, entry, *days, clock)
        ),
        by=by,
    )


def journal_file_terms(settings: Settings) -> FormatTerms:
    """What files of journals need of the settings."""
    return FormatTerms(
        tax_rate=settings.journal.tax_rate, subsidiary=settings.journal.subsidiary
    )


def in_currency(
    journals: list[IssuedJournal], currency: str | None, *, path: str = "currency"
) -> list[IssuedJournal]:
    """The journals in a currency, or all; ``path`` names it in the error.

    Raises:
        Malformed: the period has journals, and none in this currency.
    """
    chosen = [journal for journal in journals if currency in (None, journal.key.currency)]
    if journals and not chosen:
        names = ", ".join(sorted({journal.key.currency for journal in journals}))
        raise Malformed(path, f"the period has no journal in {currency}, but in {names}")
    return chosen


#: Signed days by provider and day.
SignedDays = Mapping[tuple[str, date], DayStatus]


def export_journals(
    connection: Connection, request: ExportRequest, now: datetime
) -> list[IssuedJournal]:
    """Issue what is due, in the caller's transaction; returns all journals of the period.

    Raises:
        DayRefused: names every day that is not signed; nothing was issued.
        LedgerDisagrees: the entries are not what was signed.
        RowsAreAway: rows of a day left for an archive before a journal of it was issued.
    """
    lock_journals(connection)
    signed = _signed_days(connection, request, now)
    journals = load_journals(connection, request.period)
    targets = _targets(connection, request, signed, journals)
    booked = booked_by([one for one in journals if _is_whole(one.key, request)])
    due = due_journals(targets, booked, request.codes)
    exponents = {
        entry.slug: configured_provider(entry).provider.exponents for entry in request.entries
    }
    items = [
        DueJournal(
            journal=journal,
            digits=_digits(journal.key, exponents),
            day_step=_sign_off(signed, journal.key),
        )
        for journal in due
    ]
    try:
        issue(connection, items, by=request.by)
    except IntegrityError as error:  # a day was reopened in this very moment
        raise DayRefused(f"{error.orig}. Nothing was exported") from error
    return load_journals(connection, request.period)


def _is_whole(key: JournalKey, request: ExportRequest) -> bool:
    """Whether the period holds all that a journal books: of a fee, the whole month."""
    if key.kind is JournalKind.DAY:
        return True
    months = {(accrual.provider, accrual.month_end) for accrual in request.accruals}
    return (key.provider, key.business_day) in months


def _signed_days(
    connection: Connection, request: ExportRequest, now: datetime
) -> dict[tuple[str, date], DayStatus]:
    """Every day of the period that must be signed, and is."""
    signed: dict[tuple[str, date], DayStatus] = {}
    unsigned: list[UnsignedDay] = []
    for entry in request.entries:
        for day in request.days:
            status = business_day_of(connection, entry, day, now)
            if status.state is DayState.SIGNED:
                signed[entry.slug, day] = status
            elif needs_signature(connection, status):
                unsigned.append(UnsignedDay(entry.slug, day, str(status.state)))
    if request.own_zone is not None:
        unsigned += _unfinished(request, now)
    if unsigned:
        raise DayRefused("\n".join(["not signed:", *unsigned_lines(unsigned), SIGN_FIRST]))
    return signed


def _unfinished(request: ExportRequest, now: datetime) -> Iterator[UnsignedDay]:
    """The days of our own operations that are not over."""
    zone = ZoneInfo(request.own_zone or "")
    for day in request.days:
        if day_window(day, zone).end > now:
            yield UnsignedDay(OWN_SLUG, day, "open")


def _targets(
    connection: Connection,
    request: ExportRequest,
    signed: SignedDays,
    journals: Sequence[IssuedJournal],
) -> dict[JournalKey, Amounts]:
    """What the ledger holds of the period, and the fees, by journal."""
    targets: dict[JournalKey, Amounts] = {}
    zones = {entry.slug: entry.timezone for entry in request.entries}
    if request.own_zone is not None:
        zones[OWN_SLUG] = request.own_zone
    moved = {
        slug: movements_of_days(
            connection,
            slug,
            request.days,
            zone,
            journals,
            played={
                day for (of, day), one in signed.items() if of == slug and one.figures.ours
            },
        )
        for slug, zone in zones.items()
    }
    for (slug, day), status in signed.items():
        _check_as_signed(status, moved[slug].get(day, ()))
    for slug, by_day in moved.items():
        for day, movements in by_day.items():
            if slug == OWN_SLUG or (slug, day) in signed:
                targets |= _of_day(slug, day, movements)
    for accrual in request.accruals:
        if (accrual.provider, accrual.month_end) not in signed:
            continue  # the provider had not started
        _check_accrual(accrual, signed)
        key = JournalKey(
            business_day=accrual.month_end,
            provider=accrual.provider,
            kind=JournalKind.FEE,
            currency=accrual.currency,
        )
        targets[key] = fee_amounts(accrual.minor)
    return targets


def _of_day(
    provider: str, day: date, movements: Sequence[AccountMovement]
) -> dict[JournalKey, Amounts]:
    return {
        JournalKey(
            business_day=day, provider=provider, kind=JournalKind.DAY, currency=currency
        ): amounts
        for currency, amounts in amounts_by_currency(movements).items()
    }


def _check_as_signed(status: DayStatus, movements: Sequence[AccountMovement]) -> None:
    """Check that what left the players' accounts is the GGR that was signed."""
    moved: dict[str, int] = defaultdict(int)
    for movement in movements:
        if movement.account in _PLAYERS and movement.nature in _IN_FIGURES:
            moved[movement.currency] -= movement.minor
    for currency in sorted({*moved, *status.figures.ours}):
        signed = status.figures.ours.get(currency, NO_TOTALS).ggr
        if moved[currency] != signed:
            raise LedgerDisagrees(
                f"{status.day} of {status.provider}: the entries move"
                f" {status.figures.text(currency, moved[currency])} {currency} from players,"
                f" {status.figures.text(currency, signed)} was signed; `tieout ledger verify`"
                " looks for the reason. Nothing was exported"
            )


def _check_accrual(accrual: FeeAccrual, signed: SignedDays) -> None:
    """Check that the fee was computed from the GGR that was signed."""
    ggr: dict[str, int] = defaultdict(int)
    for (slug, day), status in signed.items():
        if slug == accrual.provider and accrual.first <= day <= accrual.month_end:
            for currency, side in status.figures.ours.items():
                ggr[currency] += side.ggr
    wrong = [code for code in {*ggr, *accrual.ggr} if ggr[code] != accrual.ggr.get(code, 0)]
    if wrong:
        raise LedgerDisagrees(
            f"the fee of {accrual.provider} for {accrual.month_end:%Y-%m} rests on other GGR in"
            f" {', '.join(sorted(wrong))} than was signed: the books changed meanwhile; export"
            " again. Nothing was exported"
        )


def _sign_off(signed: SignedDays, key: JournalKey) -> int | None:
    status = signed.get((key.provider, key.business_day))
    return None if status is None or status.last is None else status.last.number


def _digits(key: JournalKey, exponents: Mapping[str, Mapping[str, int]]) -> int:
    """Digits of a journal's amounts; a fee and our own operations are in the currency's own."""
    if key.provider == OWN_SLUG:
        return digits_of(key.currency, joined_exponents(exponents.values()))
    own = exponents.get(key.provider, {})
    return digits_of(key.currency, own if key.kind is JournalKind.DAY else outside_iso(own))
