"""A report pack: what one provider's last run found, as a workbook, a page and tables.

Everything a file shows comes from one ``Pack``, so that the files of a pack cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from reconcile.window import Window
from reports.queries import (
    GameTotal,
    OpenBreak,
    StoredRun,
    game_totals,
    last_run,
    open_breaks,
)
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
class Pack:
    """Everything a pack shows.

    Attributes:
        run: the run reported on; None when there is none.
        breaks: every open break of the provider, from this run and earlier ones.
        exponents: the provider's overrides of digits after the point.
    """

    provider: str
    generated_at: datetime
    run: StoredRun | None
    breaks: tuple[OpenBreak, ...]
    totals: tuple[GameTotal, ...]
    exponents: Mapping[str, int]

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

    def owed(self) -> tuple["Owed", ...]:
        """Open differences added up by impact and currency."""
        sums: dict[tuple[str, str], list[int]] = {}
        for each in self.breaks:
            entry = sums.setdefault((each.impact, each.currency), [0, 0])
            entry[0] += 1
            entry[1] += each.difference
        return tuple(
            Owed(impact=impact, currency=currency, breaks=count, difference=difference)
            for (impact, currency), (count, difference) in sorted(sums.items())
        )

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
class Owed:
    """Open breaks of one impact and currency: how many, and their signed sum in minor units."""

    impact: str
    currency: str
    breaks: int
    difference: int


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


def gather(
    connection: Connection,
    provider: str,
    *,
    window: Window | None,
    generated_at: datetime,
    exponents: Mapping[str, int],
) -> Pack:
    """Read what a pack of one provider shows: its last run, over ``window`` if one is given."""
    run = last_run(connection, provider, window)
    return Pack(
        provider=provider,
        generated_at=generated_at,
        run=run,
        breaks=open_breaks(connection, provider),
        totals=() if run is None else game_totals(connection, provider, run.window),
        exponents=exponents,
    )


def stem(pack: Pack) -> str:
    """The name that the files of a pack share: the provider and the window, if it has a run."""
    if pack.run is None:
        return f"{pack.provider}-no-run"
    window = pack.run.window
    return f"{pack.provider}-{_stamp(window.start)}-{_stamp(window.end)}"


def _stamp(instant: datetime) -> str:
    midnight = (instant.hour, instant.minute, instant.second, instant.microsecond) == (0,) * 4
    return f"{instant:%Y%m%d}" if midnight else f"{instant:%Y%m%dT%H%M%SZ}"
