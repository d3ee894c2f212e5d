"""The days that keep a period from being exported, in few lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

#: What to do about them.
SIGN_FIRST = "Nothing was exported; close, prepare and sign each with `tieout day`"


@dataclass(frozen=True, slots=True)
class UnsignedDay:
    """A day that has to be signed, and is not."""

    provider: str
    day: date
    state: str


def unsigned_lines(unsigned: Iterable[UnsignedDay]) -> Iterator[str]:
    """A line for each provider; days in a row that are in one state are a range."""
    for provider, of_provider in groupby(unsigned, key=lambda day: day.provider):
        ranges: list[list[UnsignedDay]] = []
        for day in of_provider:
            last = ranges[-1][-1] if ranges else None
            if last and (day.day - last.day, day.state) == (timedelta(days=1), last.state):
                ranges[-1].append(day)
            else:
                ranges.append([day])
        texts = (
            f"{days[0].day}..{days[-1].day} ({days[0].state})"
            if len(days) > 1
            else f"{days[0].day} ({days[0].state})"
            for days in ranges
        )
        yield f"{provider} {', '.join(texts)}"
