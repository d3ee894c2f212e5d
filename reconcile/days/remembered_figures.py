"""Figures of days that the database keeps, remembered in memory while they are the same.

A page of ninety days reads thousands of cells that hardly ever change. What is remembered of a
day belongs to one adding up of it; whether that one still holds, the database tells each page.
"""

import threading
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from reconcile.days.day_sums import DaySums, SummedDay, kept_figures_of_days
from reconcile.totals.sides import BothFigures

#: Most days of providers that are remembered.
DAYS_MAX = 4_000


class RememberedFigures:
    """Reads figures of days without their games, and remembers them.

    Args:
        days_max: most days that are remembered; those remembered longest go first.
    """

    def __init__(self, days_max: int = DAYS_MAX) -> None:
        self._days_max = days_max
        self._lock = threading.Lock()
        self._days: dict[int, tuple[str, BothFigures]] = {}

    @property
    def count(self) -> int:
        """How many days are remembered."""
        return len(self._days)

    def get(
        self, connection: Connection, kept: Mapping[SummedDay, DaySums]
    ) -> dict[str, list[BothFigures]]:
        """Both sides of each day, by provider.

        Args:
            connection: that ``kept`` was read by.
            kept: the days, whose sums hold.
        """
        remembered = {day: self._remembered(of) for day, of in kept.items()}
        missing = {day: kept[day] for day, both in remembered.items() if both is None}
        read = kept_figures_of_days(connection, missing) if missing else {}
        self._remember((kept[day], both) for day, both in read.items())
        figures: dict[str, list[BothFigures]] = {}
        for day, both in remembered.items():
            figures.setdefault(day.provider, []).append(both or read[day])
        return figures

    def _remembered(self, of: DaySums) -> BothFigures | None:
        version, both = self._days.get(of.day_id, ("", None))
        return both if version == of.version else None

    def _remember(self, days: Iterable[tuple[DaySums, BothFigures]]) -> None:
        with self._lock:
            for of, both in days:
                self._days.pop(of.day_id, None)  # so that their order is that of reading
                self._days[of.day_id] = of.version, both
            for day_id in list(self._days)[: max(0, len(self._days) - self._days_max)]:
                del self._days[day_id]
