"""A report pack: what one provider's last run found, as a workbook, a page and tables.

All files of a pack are written from one ``Pack``, so they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from breaks.disputes.model import Dispute
from reconcile.invoices.check import InvoiceCheck
from reconcile.totals.resolution_rate import ResolutionRates
from reconcile.totals.tie_out import Totals
from reports.coverage import ComparedWindow
from reports.queries import BusinessDay, GameTotal, OpenBreak
from reports.rates import ReportingRates
from reports.statement.statement import SignedStatement
from reports.stored_runs import StoredRun
from vocabulary.currencies import digits_of
from vocabulary.window import Window, day_window

#: The lines of a conservation proof, in reading order.
PROOF_LINES = (
    "source",
    "outside",
    "undone",
    "compared",
    "matched",
    "timing",
    "breaks",
    "excluded",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedInvoice:
    """An invoice checked against the totals of its period; ``period`` as the user wrote it."""

    period: str
    check: InvoiceCheck
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Everything a pack shows.

    Attributes:
        window: what is reported: the given one, or that of the run; None without either.
        gaps: the parts of the window that no run compared.
        comparisons: the runs over the window and its parts.
        run: the last run over exactly the window; None without one.
        parts: the last run over each day of the window, if there is one for every day.
        statement: days, people, corrections and the roll-forward; None without a window.
        breaks: all breaks of the provider that runs still find, of this run and earlier ones.
        game_totals: our rounds of the run's window by game and currency.
        exponents: the provider's overrides of digits after the decimal point.
        zone: time zone of the provider's business days.
        tie_out: both sides' totals by the run's terms; None if nobody compared the window.
        resolution_rate: how soon the window's rows were explained; None without a run.
        days: the business days that the run's window touches.
        invoices: the checked invoices.
        rates: into the reporting currency; None: nothing is converted.
        disputes: those with claimable money, with only the lines that have some.
    """

    provider: str
    generated_at: datetime
    window: Window | None
    gaps: tuple[Window, ...]
    comparisons: tuple[ComparedWindow, ...]
    run: StoredRun | None
    breaks: tuple[OpenBreak, ...]
    game_totals: tuple[GameTotal, ...]
    exponents: Mapping[str, int]
    parts: tuple[StoredRun, ...] = ()
    statement: SignedStatement | None = None
    zone: str = "UTC"
    tie_out: Totals | None = None
    resolution_rate: ResolutionRates | None = None
    days: tuple[BusinessDay, ...] = ()
    invoices: tuple[CheckedInvoice, ...] = ()
    rates: ReportingRates | None = None
    disputes: tuple[Dispute, ...] = ()

    @property
    def title(self) -> str:
        """The title of every file of the pack."""
        return f"Reconciliation of {self.provider}"

    @property
    def is_compared(self) -> bool:
        """Whether runs compared the whole window."""
        return self.window is not None and not self.gaps

    @property
    def proved_runs(self) -> tuple[StoredRun, ...]:
        """The run over the window, or those over its days."""
        return self.parts if self.run is None else (self.run,)

    @property
    def empty_text(self) -> str:
        """Why a table of the window's rounds has no row."""
        if self.is_compared:
            return "Nothing was booked and nothing was reported in this window."
        return "No run compared this window, so nothing can be said about it."

    @property
    def no_run_text(self) -> str:
        """Why a table about the run has no row."""
        if self.is_compared:
            return "No single run compared exactly this window: runs over other periods did."
        return "No run is stored that compared this window."

    def digits(self, currency: str) -> int:
        """Digits after the decimal point of a currency."""
        return digits_of(currency, self.exponents)

    def amount(self, minor: int, currency: str) -> Decimal:
        """Minor units of a currency as an exact amount."""
        return Decimal(minor).scaleb(-self.digits(currency))

    def minor(self, text: str, currency: str) -> int:
        """Minor units of an amount that was stored as decimal text."""
        return int(Decimal(text).scaleb(self.digits(currency)))

    def is_overdue(self, break_: OpenBreak) -> bool:
        """Whether a break is past its due date."""
        return break_.due is not None and break_.due < self.generated_at

    def proof(self) -> tuple["ProofLine", ...]:
        """The conservation proof of the run, line by line."""
        if self.run is None:
            return ()
        return tuple(
            ProofLine(side=side, line=line, rows=tally["rows"], currency=currency, **amounts)
            for side in ("ours", "theirs")
            for line in PROOF_LINES
            for tally in (self.run.manifest[side][line],)
            for currency, amounts in _amounts(tally["totals_minor"])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofLine:
    """One line of the proof in one currency; the currency is empty for a line without money."""

    side: str
    line: str
    rows: int
    currency: str
    stake: int
    payout: int


def _amounts(totals: Mapping[str, Mapping[str, str]]) -> list[tuple[str, dict[str, int]]]:
    if not totals:
        return [("", {"stake": 0, "payout": 0})]
    return [
        (currency, {name: int(minor) for name, minor in amounts.items()})
        for currency, amounts in sorted(totals.items())
    ]


def file_stem(pack: Pack) -> str:
    """The common start of the file names: the provider, and the period if there is one."""
    if pack.window is None:
        return f"{pack.provider}-no-run"
    return f"{pack.provider}-{period_stem(pack.window, pack.zone)}"


def whole_days(window: Window, zone: str) -> tuple[date, date] | None:
    """The first and the last business day of a window of whole days; None for any other."""
    local = ZoneInfo(zone)
    first = window.start.astimezone(local).date()
    last = (window.end.astimezone(local) - timedelta(microseconds=1)).date()
    is_whole = day_window(first, local).start == window.start
    return (first, last) if is_whole and day_window(last, local).end == window.end else None


def period_stem(window: Window, zone: str) -> str:
    """A period in a file name: business days in their zone, or two instants in UTC."""
    days = whole_days(window, zone)
    if days is None:
        return f"{_stamp(window.start)}-{_stamp(window.end)}"
    first, last = days
    if _is_month(first, last):
        return f"{first:%Y-%m}"
    return str(first) if first == last else f"{first}-to-{last}"


def period_text(window: Window, zone: str) -> str:
    """A period in words: its business days, or its two instants."""
    days = whole_days(window, zone)
    if days is None:
        local = ZoneInfo(zone)
        start, end = (
            f"{instant.astimezone(local):%Y-%m-%d %H:%M:%S}"
            for instant in (window.start, window.end)
        )
        return f"{start} to {end} ({zone})"
    first, last = days
    if first == last:
        return f"business day {first} ({zone})"
    return f"business days {first} to {last} ({zone})"


def _is_month(first: date, last: date) -> bool:
    return (
        first.day == 1 and (last + timedelta(days=1)).day == 1 and _month(first) == _month(last)
    )


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _stamp(instant: datetime) -> str:
    return f"{instant:%Y%m%dT%H%M%SZ}"
