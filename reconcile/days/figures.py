"""The figures of a business day: both sides by currency, and the breaks between them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vocabulary.currencies import digits_of
from vocabulary.money import SUM_MAX, minor_from_text, text_from_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTotals:
    """One side of a day in one currency; amounts in minor units."""

    rounds: int = 0
    stake: int = 0
    payout: int = 0

    @property
    def ggr(self) -> int:
        """Stakes less payouts."""
        return self.stake - self.payout


@dataclass(frozen=True, slots=True, kw_only=True)
class BothSides:
    """Both sides of a window, by currency.

    Attributes:
        summed_at: when they were added up, if that was earlier; None: just now.
    """

    ours: Mapping[str, SideTotals]
    theirs: Mapping[str, SideTotals]
    summed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMoney:
    """The breaks of a day in one currency; amounts in minor units.

    Attributes:
        count: breaks that nobody has settled yet.
        owed: what players are owed by them; not negative.
        owing: what players owe by them; not positive.
        in_breaks: theirs less ours in GGR, as all breaks of the books explain it.
    """

    count: int = 0
    owed: int = 0
    owing: int = 0
    in_breaks: int = 0

    @property
    def gross(self) -> int:
        """Open money either way."""
        return self.owed - self.owing


NO_TOTALS = SideTotals()
NO_MONEY = OpenMoney()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """Both sides of a day and its breaks, by currency.

    Attributes:
        state: a digest of every break and correction of the day with its state and amount.
        exponents: the provider's overrides of decimal places.
        summed_at: when both sides were added up, if that was earlier; None: just now.
    """

    ours: Mapping[str, SideTotals]
    theirs: Mapping[str, SideTotals]
    breaks: Mapping[str, OpenMoney]
    state: str
    exponents: Mapping[str, int] = field(default_factory=dict, compare=False)
    summed_at: datetime | None = field(default=None, compare=False)

    @property
    def currencies(self) -> list[str]:
        """Every currency of the day, in order."""
        return sorted({*self.ours, *self.theirs, *self.breaks})

    @property
    def open_count(self) -> int:
        """Breaks that nobody has settled yet."""
        return sum(money.count for money in self.breaks.values())

    def difference(self, currency: str) -> int:
        """Theirs less ours in GGR, in minor units."""
        theirs = self.theirs.get(currency, NO_TOTALS).ggr
        return theirs - self.ours.get(currency, NO_TOTALS).ggr

    def unexplained(self, currency: str) -> int:
        """What no break explains of the difference, in minor units."""
        in_breaks = self.breaks.get(currency, NO_MONEY).in_breaks
        return self.difference(currency) - in_breaks

    def text(self, currency: str, minor: int) -> str:
        """An amount as decimal text."""
        return text_from_minor(minor, digits_of(currency, self.exponents))

    def open_texts(self) -> Iterator[tuple[str, str, int]]:
        """For each currency with open breaks: in words, the currency, the gross amount."""
        for currency, money in sorted(self.breaks.items()):
            if money.count:
                owed, owing = self.text(currency, money.owed), self.text(currency, money.owing)
                yield f"{money.count} of +{owed} and {owing} {currency}", currency, money.gross

    def to_json(self) -> dict[str, Any]:
        """As a step stores it and commands print it; amounts are decimal text."""
        return {
            "ours": {code: self._side(code, side) for code, side in sorted(self.ours.items())},
            "theirs": {
                code: self._side(code, side) for code, side in sorted(self.theirs.items())
            },
            "breaks": {
                code: {
                    "open": money.count,
                    "owed": self.text(code, money.owed),
                    "owing": self.text(code, money.owing),
                    "in_breaks": self.text(code, money.in_breaks),
                }
                for code, money in sorted(self.breaks.items())
            },
            "difference": {
                code: self.text(code, self.difference(code)) for code in self.currencies
            },
            "unexplained": {
                code: self.text(code, self.unexplained(code)) for code in self.currencies
            },
            "state": self.state,
        }

    def _side(self, currency: str, side: SideTotals) -> dict[str, Any]:
        return {
            "rounds": side.rounds,
            "stake": self.text(currency, side.stake),
            "payout": self.text(currency, side.payout),
            "ggr": self.text(currency, side.ggr),
        }


def stored_figures(document: Mapping[str, Any], exponents: Mapping[str, int]) -> DayFigures:
    """The figures of a stored step."""

    def minor(currency: str, text: str) -> int:
        return minor_from_text(text, digits_of(currency, exponents), limit=SUM_MAX)

    def side(name: str) -> dict[str, SideTotals]:
        return {
            code: SideTotals(
                rounds=totals["rounds"],
                stake=minor(code, totals["stake"]),
                payout=minor(code, totals["payout"]),
            )
            for code, totals in document[name].items()
        }

    return DayFigures(
        ours=side("ours"),
        theirs=side("theirs"),
        breaks={
            code: OpenMoney(
                count=money["open"],
                **{name: minor(code, money[name]) for name in ("owed", "owing", "in_breaks")},
            )
            for code, money in document["breaks"].items()
        },
        state=document["state"],
        exponents=exponents,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceSignOff:
    """What changed in one currency since a day was signed: GGR, in minor units.

    Attributes:
        ours, theirs: now less then.
        open_before, open_now: open breaks.
    """

    currency: str
    ours: int
    theirs: int
    open_before: int
    open_now: int


def changes_between(before: DayFigures, now: DayFigures) -> list[SinceSignOff]:
    """What changed, by currency; a currency without any change of a figure is left out."""
    changes = []
    for currency in sorted({*before.currencies, *now.currencies}):
        sides = {
            name: (
                getattr(before, name).get(currency, NO_TOTALS),
                getattr(now, name).get(currency, NO_TOTALS),
            )
            for name in ("ours", "theirs")
        }
        money = before.breaks.get(currency, NO_MONEY), now.breaks.get(currency, NO_MONEY)
        if money[0] != money[1] or any(earlier != later for earlier, later in sides.values()):
            deltas = {name: later.ggr - earlier.ggr for name, (earlier, later) in sides.items()}
            changes.append(
                SinceSignOff(
                    currency=currency,
                    **deltas,
                    open_before=money[0].count,
                    open_now=money[1].count,
                )
            )
    return changes
