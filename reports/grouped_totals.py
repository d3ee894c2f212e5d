"""Totals of several providers by day, provider, game or currency, as pages show them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from reconcile.totals.cells import DayGgr, Figures, TotalsCell
from reconcile.totals.sides import ComparedSides, SideSums
from reports.conversion import ConvertedDay, converted_day
from reports.rates import ReportingRates
from vocabulary.currencies import digits_of

_HUNDREDTHS = 10_000
#: Length of a month as text: ``2026-06``.
MONTH_CHARS = 7


class GroupBy(StrEnum):
    """What totals can be grouped by; they are always grouped by currency, too."""

    DAY = "day"
    MONTH = "month"
    PROVIDER = "provider"
    GAME = "game"
    CURRENCY = "currency"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSums:
    """The cells of one provider; ``exponents`` are its overrides of decimal places."""

    provider: str
    exponents: Mapping[str, int]
    cells: Sequence[SideSums]


#: The name of a group and its currency.
_GroupKey = tuple[tuple[str, ...], str]
#: Both sides of a part of a group, and how many units of the group one of its units is.
_ScaledPart = tuple[ComparedSides, int]
_NameOf = Callable[[ProviderSums, TotalsCell], str]
#: The values that a cell has in each column; the currency is told apart anyway.
_COLUMN: Mapping[GroupBy, _NameOf] = MappingProxyType(
    {
        GroupBy.DAY: lambda _provider, cell: cell.day.isoformat(),
        GroupBy.MONTH: lambda _provider, cell: cell.day.isoformat()[:MONTH_CHARS],
        GroupBy.PROVIDER: lambda provider, _cell: provider.provider,
        GroupBy.GAME: lambda _provider, cell: cell.game,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedGgr:
    """GGR in the reporting currency, minor units.

    Attributes:
        count: how many days and currencies of a provider were converted.
        sources: who publishes the rates that were used.
        missing: the days and currencies without a rate; they are in no sum.
    """

    ours: int = 0
    theirs: int = 0
    count: int = 0
    sources: frozenset[str] = frozenset()
    missing: frozenset[tuple[date, str]] = frozenset()

    @property
    def is_unknown(self) -> bool:
        """Whether no day has a rate: there is no figure then, and zero would be one."""
        return bool(self.missing) and not self.count

    def __add__(self, other: "ConvertedGgr") -> "ConvertedGgr":
        return ConvertedGgr(
            ours=self.ours + other.ours,
            theirs=self.theirs + other.theirs,
            count=self.count + other.count,
            sources=self.sources | other.sources,
            missing=self.missing | other.missing,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsGroup(ComparedSides):
    """Both sides of several cells in one currency; amounts in units of ``digits`` places.

    Attributes:
        name: the values of the columns that it is grouped by, without the currency.
        converted: in the reporting currency; None: there is none, or games are told apart.
    """

    name: tuple[str, ...]
    currency: str
    digits: int
    converted: ConvertedGgr | None = None


def narrowed(
    providers: Sequence[ProviderSums], *, currency: str | None = None, game: str | None = None
) -> Sequence[ProviderSums]:
    """Only the cells of a currency and a game; None: of all."""
    if currency is None and game is None:
        return providers
    return [
        replace(
            provider,
            cells=[
                part
                for part in provider.cells
                if (currency is None or part.cell.currency == currency)
                and (game is None or part.cell.game == game)
            ],
        )
        for provider in providers
    ]


def grouped(
    providers: Sequence[ProviderSums], by: Sequence[GroupBy], rates: ReportingRates | None
) -> list[TotalsGroup]:
    """Add the cells up by some columns, always by currency, too.

    Args:
        providers: what is added up.
        by: the columns; none: one group for each currency.
        rates: into the reporting currency; None: nothing is converted.
    """
    digits = _digits(providers)
    columns = _columns(by)
    parts: dict[_GroupKey, list[_ScaledPart]] = {}
    for provider in providers:
        scales = {
            code: 10 ** (places - digits_of(code, provider.exponents))
            for code, places in digits.items()
        }
        for part in provider.cells:
            cell = part.cell
            key = tuple([name_of(provider, cell) for name_of in columns]), cell.currency
            parts.setdefault(key, []).append((part, scales[cell.currency]))
    groups = {key: _group(key, digits[key[1]], of_key) for key, of_key in parts.items()}
    if rates is not None and GroupBy.GAME not in by:
        sums_converted: dict[_GroupKey, ConvertedGgr] = {}
        for key, ggr in _converted(providers, by, rates):
            sums_converted[key] = sums_converted.get(key, ConvertedGgr()) + ggr
        for key, converted in sums_converted.items():
            groups[key] = replace(groups[key], converted=converted)
    return _in_order(groups.values(), by)


def in_all(groups: Iterable[TotalsGroup]) -> list[TotalsGroup]:
    """One group for each currency, of all groups of it that were added up together."""
    parts: dict[str, list[_ScaledPart]] = {}
    digits: dict[str, int] = {}
    converted: dict[str, ConvertedGgr] = {}
    for group in groups:
        code = group.currency
        parts.setdefault(code, []).append((group, 1))
        digits[code] = group.digits
        if group.converted is not None:
            converted[code] = converted.get(code, ConvertedGgr()) + group.converted
    return [
        replace(_group(((), code), digits[code], parts[code]), converted=converted.get(code))
        for code in sorted(parts)
    ]


def hold_text(figures: Figures) -> str | None:
    """GGR as a percentage of the stake, rounded half to even; None without a stake."""
    if not figures.stake:
        return None
    sign = -1 if (figures.ggr < 0) != (figures.stake < 0) else 1
    whole, rest = divmod(abs(figures.ggr) * _HUNDREDTHS, abs(figures.stake))
    is_up = 2 * rest > abs(figures.stake) or (2 * rest == abs(figures.stake) and whole % 2)
    hundredths = sign * (whole + bool(is_up))
    text = f"{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"
    return f"-{text}" if hundredths < 0 else text


def _digits(providers: Sequence[ProviderSums]) -> dict[str, int]:
    """Decimal places by currency that fit the amounts of every provider."""
    codes = {part.cell.currency for provider in providers for part in provider.cells}
    return {
        code: max(digits_of(code, provider.exponents) for provider in providers)
        for code in codes
    }


def _columns(by: Sequence[GroupBy]) -> list[_NameOf]:
    return [_COLUMN[column] for column in by if column in _COLUMN]


def _group(key: _GroupKey, digits: int, parts: Sequence[_ScaledPart]) -> TotalsGroup:
    """One group of all its parts; a single one needs no sums, as on a page of many days."""
    part, scale = parts[0]
    if len(parts) == 1 and scale == 1:
        ours, theirs, in_breaks = part.ours, part.theirs, part.in_breaks
    else:
        ours = _summed([(part.ours, scale) for part, scale in parts])
        theirs = _summed([(part.theirs, scale) for part, scale in parts])
        in_breaks = sum([scale * part.in_breaks for part, scale in parts])
    return TotalsGroup(
        name=key[0],
        currency=key[1],
        digits=digits,
        ours=ours,
        theirs=theirs,
        in_breaks=in_breaks,
        open_breaks=sum([part.open_breaks for part, _ in parts]),
    )


def _summed(sides: Sequence[tuple[Figures, int]]) -> Figures:
    """The sum of figures of a side whose amounts are in units of their own."""
    rounds = bets = wins = rollbacks = stake = payout = 0
    for side, scale in sides:
        rounds += side.rounds
        bets += side.bets
        wins += side.wins
        rollbacks += side.rollbacks
        stake += scale * side.stake
        payout += scale * side.payout
    return Figures(rounds, bets, wins, rollbacks, stake, payout)


def _converted(
    providers: Sequence[ProviderSums], by: Sequence[GroupBy], rates: ReportingRates
) -> Iterator[tuple[_GroupKey, ConvertedGgr]]:
    """Each provider's days in the reporting currency, with the key of their group."""
    columns = _columns(by)
    for provider in providers:
        days: dict[tuple[date, str], tuple[tuple[str, ...], DayGgr]] = {}
        for sums in provider.cells:
            key = sums.cell.day, sums.cell.currency
            before = days[key][1] if key in days else None
            ggr = DayGgr(
                day=sums.cell.day,
                currency=sums.cell.currency,
                ours=sums.ours.ggr + (before.ours if before else 0),
                theirs=sums.theirs.ggr + (before.theirs if before else 0),
            )
            days[key] = (tuple([name_of(provider, sums.cell) for name_of in columns]), ggr)
        for (_, currency), (name, ggr) in days.items():
            day = converted_day(ggr, rates, provider.exponents)
            yield (name, currency), _converted_ggr(day, rates.currency)


def _converted_ggr(day: ConvertedDay, currency: str) -> ConvertedGgr:
    if day.rate is None or day.ours_converted is None or day.theirs_converted is None:
        return ConvertedGgr(missing=frozenset({(day.day, day.currency)}))
    sources = frozenset() if day.currency == currency else frozenset({day.rate.source})
    return ConvertedGgr(
        ours=day.ours_converted, theirs=day.theirs_converted, count=1, sources=sources
    )


def _in_order(groups: Iterable[TotalsGroup], by: Sequence[GroupBy]) -> list[TotalsGroup]:
    """By name; games alone by currency and the largest stake first."""
    if tuple(by) == (GroupBy.GAME,):
        return sorted(
            groups,
            key=lambda group: (
                group.currency,
                -max(group.ours.stake, group.theirs.stake),
                group.name,
            ),
        )
    return sorted(groups, key=lambda group: (group.name, group.currency))
