"""A statement over all providers: their packs side by side, and their sums by currency."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from reconcile.days.states import DayStatus
from reports.pack import Pack, period_stem, period_text
from reports.sentences import Result, break_count, breaks_text, results_of, warnings
from reports.statement.roll_forward import RollForward

#: Names the group's files, and its entry beside the providers'.
GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPack:
    """The packs of all providers, made at the same instant."""

    packs: tuple[Pack, ...]
    generated_at: datetime
    entity: str

    def digits(self, currency: str) -> int:
        """Digits after the decimal point that every provider's amounts fit."""
        return max(pack.digits(currency) for pack in self.packs)

    def minor(self, pack: Pack, minor: int, currency: str) -> int:
        """A provider's minor units as those of the group."""
        more: int = 10 ** (self.digits(currency) - pack.digits(currency))
        return minor * more

    @property
    def results(self) -> tuple[Result, ...]:
        """The result of each currency over all providers."""
        by_currency: dict[str, list[tuple[Pack, Result]]] = {}
        for pack in self.packs:
            for result in results_of(pack):
                by_currency.setdefault(result.currency, []).append((pack, result))
        return tuple(_summed(code, parts) for code, parts in sorted(by_currency.items()))

    @property
    def least_compared(self) -> Pack:
        """A pack that no run compared wholly, if there is one: it words an empty table."""
        return next((pack for pack in self.packs if not pack.is_compared), self.packs[0])

    @property
    def roll_forward(self) -> tuple[RollForward, ...]:
        """The breaks of each currency over all providers, in the group's minor units."""
        sums: dict[str, RollForward] = {}
        for pack in self.packs:
            for roll in pack.statement.roll_forward if pack.statement else ():
                code = roll.currency
                total = sums.get(code, RollForward(currency=code))
                sums[code] = total + roll.scaled(self.minor(pack, 1, code))
        return tuple(roll for _, roll in sorted(sums.items()))

    @property
    def days(self) -> tuple[DayStatus, ...]:
        """The business days of all providers."""
        return tuple(
            day for pack in self.packs if pack.statement for day in pack.statement.days
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person has to know before signing, by provider."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        if len({self._period(pack) for pack in self.packs}) > 1:
            yield "The providers' periods differ: see the table Providers."
        for pack in self.packs:
            for warning in warnings(pack):
                yield f"{pack.provider}: {warning}"

    @property
    def period(self) -> str:
        """The period in words."""
        periods = list(dict.fromkeys(self._period(pack) for pack in self.packs))
        return (
            periods[0]
            if len(periods) == 1
            else "; ".join(f"{pack.provider}: {self._period(pack)}" for pack in self.packs)
        )

    @property
    def stem(self) -> str:
        """The common start of the file names."""
        stems = {
            period_stem(pack.window, pack.zone)
            for pack in self.packs
            if pack.window is not None
        }
        return f"{GROUP}-{stems.pop()}" if len(stems) == 1 else f"{GROUP}-several-periods"

    def _period(self, pack: Pack) -> str:
        return "none" if pack.window is None else period_text(pack.window, pack.zone)


def _summed(currency: str, results: list[tuple[Pack, Result]]) -> Result:
    parts: dict[str, Decimal] = {}
    count = sum(break_count(pack, currency) for pack, _ in results)
    for pack, result in results:
        own = breaks_text(break_count(pack, currency))
        for words, amount in result.parts:
            name = breaks_text(count) if words == own else words
            parts[name] = parts.get(name, Decimal(0)) + amount
    return Result(
        subject="all providers",
        currency=currency,
        ours=sum((result.ours for _, result in results), Decimal(0)),
        difference=sum((result.difference for _, result in results), Decimal(0)),
        parts=tuple(parts.items()),
        residual=sum((result.residual for _, result in results), Decimal(0)),
    )
