"""The faults of a simulated API, what controls them, and the log of its requests."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class ApiFault(StrEnum):
    """A fault; the value is what the header or the query says."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    UNPROCESSABLE = "422"
    TOO_MANY = "429"
    FAILURE = "500"
    SLOW = "slow"
    HTML = "html"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request that was answered; ``status`` is what was answered."""

    method: str
    path: str
    status: int


@dataclass(slots=True, kw_only=True)
class FaultControl:
    """What controls an API's faults.

    Attributes:
        retry_after: seconds sent with a 429.
        slow_s: longest time a slow answer waits, in seconds.
        resume: ends the waiting of slow answers.
        requests: every request in the order of their answers.
    """

    retry_after: int = 1
    slow_s: float = 30.0
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[RecordedRequest] = field(default_factory=list)
    _waiting: dict[str, deque[ApiFault]] = field(default_factory=dict)

    def inject(self, path: str, fault: ApiFault, *, times: int = 1) -> None:
        """Misbehave on the next ``times`` requests of a path, after the faults that wait."""
        self._waiting.setdefault(path, deque()).extend([fault] * times)

    def count(self, path: str) -> int:
        """How many requests of a path were answered."""
        return sum(request.path == path for request in self.requests)

    def next_fault(self, name: str | None, path: str) -> ApiFault | None:
        """The fault that a request names, else the next one that waits for its path."""
        if name is not None and name in set(ApiFault):
            return ApiFault(name)
        waiting = self._waiting.get(path)
        return waiting.popleft() if waiting else None
