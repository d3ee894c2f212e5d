"""Instants. The only module that reads the wall."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Whatever tells the time; passed in, so that tests own it."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...


class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may


class FrozenClock:
    """A clock that stands still, for tests and replays."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        """The instant it was frozen at."""
        return self.instant


def iso(instant: datetime) -> str:
    """An instant as ISO 8601 in UTC, ending in Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
