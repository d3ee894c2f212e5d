"""A report pack: what one provider's last run found, as a workbook, a page and tables.

Everything a file shows comes from one ``Pack``, so that the files of a pack cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from reconcile.explained import Explained, explained
from reconcile.totals import Totals, totals
from reconcile.verify import terms_asked
from reconcile.window import Window
from reports.queries import (
    GameTotal,
    OpenBreak,
    StoredRun,
    game_totals,
    last_run,
    open_breaks,
)
from storage.engine import url_of
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
        tied: both sides' totals by the run's terms, as of the report; None without a run.
        explained: how soon the rows of its window were explained; None without a run.
        exponents: the provider's overrides of digits after the point.
    """

    provider: str
    generated_at: datetime
    run: StoredRun | None
    breaks: tuple[OpenBreak, ...]
    totals: tuple[GameTotal, ...]
    exponents: Mapping[str, int]
    tied: Totals | None = None
    explained: Explained | None = None

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
    zone: str = "UTC",
) -> Pack:
    """Read what a pack of one provider shows: its last run, over ``window`` if one is given.

    ``zone`` is that of the provider's business days.
    """
    run = last_run(connection, provider, window)
    pack = Pack(
        provider=provider,
        generated_at=generated_at,
        run=run,
        breaks=open_breaks(connection, provider),
        totals=() if run is None else game_totals(connection, provider, run.window),
        exponents=exponents,
    )
    return pack if run is None else _with_totals(connection, pack, run, zone)


def _with_totals(connection: Connection, pack: Pack, run: StoredRun, zone: str) -> Pack:
    row = {
        "provider": pack.provider,
        "window_from": run.window.start,
        "window_to": run.window.end,
        "manifest": run.manifest,
    }
    return replace(
        pack,
        tied=totals(
            url_of(connection.engine), terms_asked(row, None), now=run.started_at, zone=zone
        ),
        explained=explained(
            connection, pack.provider, run.window, now=pack.generated_at, zone=zone
        ),
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
