"""Roll-forward of breaks: open at first, plus new, less closed, is what stays open. Pure.

The cut between two statements is the moment at which the day before was closed, so that what
one statement carries forward the next one brings forward. Amounts are signed as differences
are: plus where we owe the player.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakSpan:
    """How long a break was open.

    Attributes:
        difference: signed, in minor units.
        opened_at: when it was found first, or found again.
        settled_at: when it was settled or gone; None: it is open.
    """

    break_id: str
    currency: str
    difference: int
    opened_at: datetime
    settled_at: datetime | None

    def is_open_at(self, instant: datetime) -> bool:
        """Whether it was known and not settled at an instant."""
        is_settled = self.settled_at is not None and self.settled_at <= instant
        return self.opened_at <= instant and not is_settled


@dataclass(frozen=True, slots=True)
class BreakSum:
    """Breaks by count and money, in minor units: owed to players, owed by players."""

    count: int = 0
    plus: int = 0
    minus: int = 0

    @property
    def net(self) -> int:
        """Owed to players less owed by them."""
        return self.plus + self.minus

    def scaled(self, factor: int) -> "BreakSum":
        """The same breaks in smaller units."""
        return BreakSum(self.count, self.plus * factor, self.minus * factor)

    def __add__(self, other: "BreakSum") -> "BreakSum":
        return BreakSum(
            self.count + other.count, self.plus + other.plus, self.minus + other.minus
        )

    def __sub__(self, other: "BreakSum") -> "BreakSum":
        return BreakSum(
            self.count - other.count, self.plus - other.plus, self.minus - other.minus
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """The instants of a roll-forward: its start, its end, and the report; in this order."""

    opening: datetime
    closing: datetime
    report: datetime


_SUMS = ("opening", "new", "closed", "closing", "new_since", "closed_since", "now")


@dataclass(frozen=True, slots=True, kw_only=True)
class RollForward:
    """The breaks of one currency from one cut to the next, and on to the report.

    Each sum is counted by itself, so that ``holds`` is a proof.

    Attributes:
        opening, closing: open at the two cuts.
        new, closed: opened and settled between them.
        new_since, closed_since: opened and settled after the closing cut.
        now: open at the report.
    """

    currency: str
    opening: BreakSum = BreakSum()
    new: BreakSum = BreakSum()
    closed: BreakSum = BreakSum()
    closing: BreakSum = BreakSum()
    new_since: BreakSum = BreakSum()
    closed_since: BreakSum = BreakSum()
    now: BreakSum = BreakSum()

    def scaled(self, factor: int) -> "RollForward":
        """The same roll-forward in smaller units."""
        sums = {name: getattr(self, name).scaled(factor) for name in _SUMS}
        return RollForward(currency=self.currency, **sums)

    def __add__(self, other: "RollForward") -> "RollForward":
        sums = {name: getattr(self, name) + getattr(other, name) for name in _SUMS}
        return RollForward(currency=self.currency, **sums)

    @property
    def holds(self) -> bool:
        """Whether opening plus new less closed is closing, and the same on to the report."""
        first = self.opening + self.new - self.closed == self.closing
        return first and self.closing + self.new_since - self.closed_since == self.now


def roll_forward(spans: Iterable[BreakSpan], cuts: Cuts) -> tuple[RollForward, ...]:
    """Roll the breaks of each currency forward; a currency without any has no roll-forward."""
    by_currency: dict[str, list[BreakSpan]] = {}
    for span in spans:
        by_currency.setdefault(span.currency, []).append(span)
    rolled = (_rolled(code, group, cuts) for code, group in sorted(by_currency.items()))
    return tuple(roll for roll in rolled if roll != RollForward(currency=roll.currency))


def _rolled(currency: str, spans: list[BreakSpan], cuts: Cuts) -> RollForward:
    return RollForward(
        currency=currency,
        opening=_sum(span for span in spans if span.is_open_at(cuts.opening)),
        closing=_sum(span for span in spans if span.is_open_at(cuts.closing)),
        now=_sum(span for span in spans if span.is_open_at(cuts.report)),
        new=_opened(spans, cuts.opening, cuts.closing),
        closed=_settled(spans, cuts.opening, cuts.closing),
        new_since=_opened(spans, cuts.closing, cuts.report),
        closed_since=_settled(spans, cuts.closing, cuts.report),
    )


def _opened(spans: list[BreakSpan], after: datetime, until: datetime) -> BreakSum:
    return _sum(span for span in spans if after < span.opened_at <= until)


def _settled(spans: list[BreakSpan], after: datetime, until: datetime) -> BreakSum:
    return _sum(
        span
        for span in spans
        if span.settled_at is not None and after < max(span.settled_at, span.opened_at) <= until
    )


def _sum(spans: Iterable[BreakSpan]) -> BreakSum:
    total = BreakSum()
    for span in spans:
        total += BreakSum(1, max(span.difference, 0), min(span.difference, 0))
    return total
