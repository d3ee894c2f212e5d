"""Sums of both sides, kept in memory for lists of days.

Adding up a day reads every round and record of it. Pages take sums that may be some minutes old
and say when they were added up. Steps and the command line always add up anew.
"""

from dataclasses import replace

from sqlalchemy import Connection

from reconcile.days.figures import BothSides
from reconcile.days.sums import SidesReader, read_sides
from storage.kept import KeptReads, renewal_age
from vocabulary.clock import Clock
from vocabulary.window import Window


class KeptSums:
    """Reads sums of both sides like ``read_sides``, and remembers them."""

    def __init__(self, kept: KeptReads, clock: Clock, read: SidesReader = read_sides) -> None:
        self._kept, self._clock, self._read = kept, clock, read

    def __call__(self, connection: Connection, provider: str, window: Window) -> BothSides:
        """The sums of a window, and when they were added up."""
        sums = self._kept.get(
            connection,
            ("both sides", provider, window),
            lambda reader: self._read(reader, provider, window),
            renewed_after=renewal_age(window.end, self._clock.now()),
        )
        return replace(sums.value, summed_at=sums.read_at)
