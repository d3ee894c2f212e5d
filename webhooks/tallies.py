"""A counter and a histogram that cost a callback next to nothing.

Those of the Prometheus client check labels and values, and take a lock for every number that
they change: 5 µs a callback. A receiver counts in the one thread of its event loop, so it adds
without them.
"""

from bisect import bisect_left

from prometheus_client import Counter, Histogram


class TallyCounter(Counter):
    """A counter of one thread; a child with labels counts, its parent does not."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Add an amount that is not negative."""
        assert exemplar is None
        self._value._value += amount


class TallyHistogram(Histogram):
    """A histogram of one thread; a child with labels counts, its parent does not."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count one value."""
        assert exemplar is None
        self._sum._value += amount
        self._buckets[bisect_left(self._upper_bounds, amount)]._value += 1
