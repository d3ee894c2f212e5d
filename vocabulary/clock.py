"""Clocks and ISO 8601 text. The only module that reads the system clock."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Source of the current time; passed as an argument, so that tests can set it."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...


class SystemClock:
    """The system clock of this machine."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the only permitted call


class FrozenClock:
    """A clock that always shows the same instant, for tests and replays."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        """The instant at which the clock is frozen."""
        return self.instant


def iso(instant: datetime) -> str:
    """An instant as ISO 8601 in UTC, ending in Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
