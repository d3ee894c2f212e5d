"""A report pack: what one provider's last run found, as a workbook, a page and tables.

Everything a file shows comes from one ``Pack``, so that the files of a pack cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from reconcile.invoices.check import InvoiceCheck
from reconcile.totals.resolution_rate import ResolutionRates
from reconcile.totals.tie_out import Totals
from reports.grid import Amount
from reports.queries import BusinessDay, GameTotal, OpenBreak, StoredRun
from vocabulary.money import exponent_of

#: The buckets of a conservation proof, in the order in which they are read.
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
    """An invoice held against the totals of its period, which is named as it was asked."""

    period: str
    check: InvoiceCheck
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Everything a pack shows.

    Attributes:
        run: the run reported on; None when there is none.
        breaks: every open break of the provider, from this run and earlier ones.
        tied: both sides' totals by the run's terms, as of the report; None without a run.
        explained: how soon the rows of its window were explained; None without a run.
        exponents: the provider's overrides of digits after the point.
        zone: of the provider's business days.
        days: the business days that the run's window touches.
        invoices: those that were given to be checked.
    """

    provider: str
    generated_at: datetime
    run: StoredRun | None
    breaks: tuple[OpenBreak, ...]
    totals: tuple[GameTotal, ...]
    exponents: Mapping[str, int]
    zone: str = "UTC"
    tied: Totals | None = None
    explained: ResolutionRates | None = None
    days: tuple[BusinessDay, ...] = ()
    invoices: tuple[CheckedInvoice, ...] = ()

    @property
    def title(self) -> str:
        """What every file of the pack is headed with."""
        return f"Reconciliation of {self.provider}"

    @property
    def silent(self) -> bool:
        """Whether there is nothing to report: the reports say so instead of being absent."""
        return not self.totals and not self.breaks

    def digits(self, currency: str) -> int:
        """Digits after the point of a currency."""
        return exponent_of(currency, self.exponents)

    def amount(self, minor: int, currency: str) -> Decimal:
        """An exact amount with all its digits."""
        return Decimal(minor).scaleb(-self.digits(currency))

    def digits_of(self, value: Amount) -> int:
        """Digits after the point of an amount."""
        return self.digits(value.currency) if value.digits is None else value.digits

    def exact(self, value: Amount) -> Decimal:
        """An amount of a table with all its digits."""
        return Decimal(value.minor).scaleb(-self.digits_of(value))

    def minor(self, text: str, currency: str) -> int:
        """Minor units of an amount that was stored as decimal text."""
        return int(Decimal(text).scaleb(self.digits(currency)))

    def overdue(self, each: OpenBreak) -> bool:
        """Whether a break should have been dealt with by now."""
        return each.due is not None and each.due < self.generated_at

    def proof(self) -> tuple["ProofLine", ...]:
        """The conservation proof of the run, line by line."""
        if self.run is None:
            return ()
        return tuple(
            ProofLine(side=side, line=line, rows=told["rows"], currency=currency, **amounts)
            for side in ("ours", "theirs")
            for line in PROOF_LINES
            for told in (self.run.manifest[side][line],)
            for currency, amounts in _amounts(told["totals_minor"])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofLine:
    """One line of the proof in one currency; without money the currency is empty."""

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


def stem(pack: Pack) -> str:
    """The name that the files of a pack share: the provider and the window, if it has a run."""
    if pack.run is None:
        return f"{pack.provider}-no-run"
    window = pack.run.window
    return f"{pack.provider}-{_stamp(window.start)}-{_stamp(window.end)}"


def _stamp(instant: datetime) -> str:
    midnight = (instant.hour, instant.minute, instant.second, instant.microsecond) == (0,) * 4
    return f"{instant:%Y%m%d}" if midnight else f"{instant:%Y%m%dT%H%M%SZ}"
