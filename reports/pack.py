"""A report pack: what one provider's last run found, as a workbook, a page and tables.

All files of a pack are written from one ``Pack``, so they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from reconcile.invoices.check import InvoiceCheck
from reconcile.totals.resolution_rate import ResolutionRates
from reconcile.totals.tie_out import Totals
from reports.grid import Amount
from reports.queries import BusinessDay, GameTotal, OpenBreak
from reports.rates import ReportingRates
from reports.stored_runs import StoredRun
from vocabulary.money import exponent_of

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
        run: the reported run; None without one.
        breaks: all breaks of the provider that runs still find, of this run and earlier ones.
        game_totals: our rounds of the run's window by game and currency.
        exponents: the provider's overrides of digits after the decimal point.
        zone: time zone of the provider's business days.
        tie_out: both sides' totals by the run's terms, as of the report; None without a run.
        resolution_rate: how soon the window's rows were explained; None without a run.
        days: the business days that the run's window touches.
        invoices: the checked invoices.
        rates: into the reporting currency; None: nothing is converted.
    """

    provider: str
    generated_at: datetime
    run: StoredRun | None
    breaks: tuple[OpenBreak, ...]
    game_totals: tuple[GameTotal, ...]
    exponents: Mapping[str, int]
    zone: str = "UTC"
    tie_out: Totals | None = None
    resolution_rate: ResolutionRates | None = None
    days: tuple[BusinessDay, ...] = ()
    invoices: tuple[CheckedInvoice, ...] = ()
    rates: ReportingRates | None = None

    @property
    def title(self) -> str:
        """The title of every file of the pack."""
        return f"Reconciliation of {self.provider}"

    @property
    def has_no_activity(self) -> bool:
        """Whether nothing was booked and no break is there."""
        return not self.game_totals and not self.breaks

    def digits(self, currency: str) -> int:
        """Digits after the decimal point of a currency."""
        return exponent_of(currency, self.exponents)

    def amount(self, minor: int, currency: str) -> Decimal:
        """Minor units of a currency as an exact amount."""
        return Decimal(minor).scaleb(-self.digits(currency))

    def digits_of(self, value: Amount) -> int:
        """Digits after the decimal point of an amount."""
        return self.digits(value.currency) if value.digits is None else value.digits

    def exact(self, value: Amount) -> Decimal:
        """A table's amount with all its digits."""
        return Decimal(value.minor).scaleb(-self.digits_of(value))

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
    """The common start of the file names: the provider, and the window if there is one."""
    if pack.run is None:
        return f"{pack.provider}-no-run"
    window = pack.run.window
    return f"{pack.provider}-{_stamp(window.start)}-{_stamp(window.end)}"


def _stamp(instant: datetime) -> str:
    midnight = (instant.hour, instant.minute, instant.second, instant.microsecond) == (0,) * 4
    return f"{instant:%Y%m%d}" if midnight else f"{instant:%Y%m%dT%H%M%SZ}"
