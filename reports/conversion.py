"""Both sides' GGR day by day in the reporting currency, beside the original."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from reconcile.totals.cells import DayGgr
from reports.rates import Rate, ReportingRates, converted
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedDay:
    """GGR of one business day and currency, in its own and in the reporting currency.

    Attributes:
        ours, theirs: minor units of ``currency``.
        rate: None: no rate is known, so nothing is converted.
        ours_converted, theirs_converted: minor units of the reporting currency; None without a
            rate.
    """

    day: date
    currency: str
    ours: int
    theirs: int
    rate: Rate | None
    ours_converted: int | None
    theirs_converted: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidation:
    """All days and currencies of a window in one currency.

    Attributes:
        ours, theirs: sums of the converted days, minor units of ``currency``.
        digits: of ``currency``, after its point.
        missing: the days and currencies without a rate; they are in no sum.
    """

    currency: str
    digits: int
    days: tuple[ConvertedDay, ...]
    ours: int
    theirs: int
    missing: tuple[tuple[date, str], ...]

    @property
    def is_unknown(self) -> bool:
        """Whether no day has a rate: there is no figure then, and zero would be one."""
        return are_unconverted(self.days)


def are_unconverted(days: Sequence[ConvertedDay]) -> bool:
    """Whether there are days, and none of them has a rate."""
    return bool(days) and all(day.rate is None for day in days)


def consolidated(
    ggr: Iterable[DayGgr], rates: ReportingRates, exponents: Mapping[str, int]
) -> Consolidation:
    """Convert each day's GGR by that day's rate, and add up what could be converted.

    Args:
        ggr: of one provider, by day and currency.
        rates: into the reporting currency.
        exponents: the provider's overrides of digits after the decimal point.
    """
    days = tuple(converted_day(row, rates, exponents) for row in ggr)
    return Consolidation(
        currency=rates.currency,
        digits=rates.digits,
        days=days,
        ours=sum(day.ours_converted or 0 for day in days),
        theirs=sum(day.theirs_converted or 0 for day in days),
        missing=tuple((day.day, day.currency) for day in days if day.rate is None),
    )


def converted_day(
    ggr: DayGgr, rates: ReportingRates, exponents: Mapping[str, int]
) -> ConvertedDay:
    """Convert one day's GGR; without a rate of that day nothing is converted."""
    rate = rates.rate(ggr.day, ggr.currency)
    digits = digits_of(ggr.currency, exponents)
    ours, theirs = (
        None
        if rate is None
        else converted(minor, rate.value, digits=digits, reporting_digits=rates.digits)
        for minor in (ggr.ours, ggr.theirs)
    )
    return ConvertedDay(
        day=ggr.day,
        currency=ggr.currency,
        ours=ggr.ours,
        theirs=ggr.theirs,
        rate=rate,
        ours_converted=ours,
        theirs_converted=theirs,
    )


def sum_text(consolidation: Consolidation) -> str:
    """The sums in one line; none where no day has a rate."""
    code, digits = consolidation.currency, consolidation.digits
    if consolidation.is_unknown:
        return f"GGR in {code}: no figure, because no day has a rate"
    ours, theirs = consolidation.ours, consolidation.theirs
    texts = [text_from_minor(minor, digits) for minor in (ours, theirs, theirs - ours)]
    partly = ", without what has no rate" if consolidation.missing else ""
    return f"GGR in {code}: ours {texts[0]}, theirs {texts[1]}, difference {texts[2]}{partly}"


def missing_text(missing: Iterable[tuple[date, str]]) -> str:
    """Name the days and currencies without a rate in one line; empty if there is none."""
    names = [f"{currency} on {day}" for day, currency in missing]
    if not names:
        return ""
    shown, more = names[:10], len(names) - 10
    rest = f" and {more} more" if more > 0 else ""
    return f"not converted, no rate: {', '.join(shown)}{rest}"


def consolidation_json(
    consolidation: Consolidation, exponents: Mapping[str, int]
) -> dict[str, Any]:
    """Return a consolidation with amounts and rates as decimal text; null is not known."""
    digits = consolidation.digits
    ours, theirs = consolidation.ours, consolidation.theirs
    sums = {"ours": ours, "theirs": theirs, "difference": theirs - ours}
    return {
        "currency": consolidation.currency,
        "ggr": {
            name: None if consolidation.is_unknown else text_from_minor(minor, digits)
            for name, minor in sums.items()
        },
        "missing": [
            {"day": str(day), "currency": currency} for day, currency in consolidation.missing
        ],
        "days": [_day_json(day, digits, exponents) for day in consolidation.days],
    }


def _day_json(day: ConvertedDay, digits: int, exponents: Mapping[str, int]) -> dict[str, Any]:
    own_digits = digits_of(day.currency, exponents)
    converted_text = {
        side: None if minor is None else text_from_minor(minor, digits)
        for side, minor in (("ours", day.ours_converted), ("theirs", day.theirs_converted))
    }
    return {
        "day": str(day.day),
        "currency": day.currency,
        "ggr": {
            "ours": text_from_minor(day.ours, own_digits),
            "theirs": text_from_minor(day.theirs, own_digits),
        },
        "rate": None if day.rate is None else f"{day.rate.value:f}",
        "source": None if day.rate is None else day.rate.source,
        "converted": converted_text,
    }
