"""Sums of both sides and of breaks, kept in memory for lists of days.

Adding up a day reads every round and record of it. Pages take sums that may be some minutes old
and say when they were read, and what the database keeps of a day. What breaks come to is as old
as the last step of a person and the last run. Steps of a day always add up anew.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from breaks.lists.overview import last_change
from reconcile.days.day_sums import kept_sides, row_versions
from reconcile.days.figures import BothSides
from reconcile.days.sums import DayBreaks, SidesReader, read_breaks, read_sides
from storage.kept import KeptReads, renewal_age
from vocabulary.clock import Clock
from vocabulary.window import Window


class KeptSums:
    """Reads sums of both sides like ``read_sides``, and remembers them.

    Args:
        kept: remembers them.
        clock: tells how old they are.
        read: adds up anew.
        shown: reads what pages show and remember.
    """

    def __init__(
        self,
        kept: KeptReads,
        clock: Clock,
        read: SidesReader = read_sides,
        shown: SidesReader = kept_sides,
    ) -> None:
        self._kept, self._clock, self._read, self._shown = kept, clock, read, shown

    def kept(
        self, connection: Connection, provider: str, window: Window, stamp: Hashable
    ) -> BothSides:
        """The sums of a window, and when they were added up."""
        sums = self._kept.get(
            connection,
            _key(provider, window),
            _reader(self._shown, provider, window, stamp),
            stamp=stamp,
            renewed_after=renewal_age(window.end, self._clock.now()),
        )
        return replace(sums.value, summed_at=sums.read_at)

    def anew(
        self, connection: Connection, provider: str, window: Window, stamp: Hashable
    ) -> BothSides:
        """The sums of a window as they are now; pages show these from now on."""
        sums = self._kept.read(
            connection,
            _key(provider, window),
            _reader(self._read, provider, window, stamp),
            stamp=stamp,
        )
        return sums.value


class KeptBreaks:
    """Reads what the breaks of days come to like ``read_breaks``, and remembers it.

    It also reads whether the rows of the days have changed, so that sums of both sides are
    added up anew where they have.

    Args:
        kept: remembers it.
        providers: whose runs change breaks.
    """

    def __init__(self, kept: KeptReads, providers: Iterable[str]) -> None:
        self._kept, self._providers = kept, tuple(providers)

    def kept(
        self, connection: Connection, windows: Sequence[tuple[str, Window]]
    ) -> Sequence[DayBreaks]:
        """The breaks of windows of providers, of the time of the last step and the last run."""
        stamp = last_change(connection, self._providers)
        key = ("breaks of days", *windows)
        breaks = self._kept.get(
            connection, key, lambda reader: read_breaks(reader, windows), stamp=stamp
        ).value
        rows = row_versions(connection, windows)
        return [
            replace(of_day, rows=rows.get(window))
            for of_day, window in zip(breaks, windows, strict=True)
        ]


def _reader(
    read: SidesReader, provider: str, window: Window, stamp: Hashable
) -> Callable[[Connection], BothSides]:
    return lambda connection: read(connection, provider, window, stamp)


def _key(provider: str, window: Window) -> Hashable:
    return ("both sides", provider, window)
