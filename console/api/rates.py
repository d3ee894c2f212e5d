"""How many requests one token or session may send, in this process."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from console.api.problems import refuse

#: Most senders that are remembered; the one that was silent longest is forgotten first.
_SENDERS_MAX = 10_000
_MINUTE_S = 60.0


class RateLimit:
    """A bucket for each sender: it holds a minute's requests and fills evenly.

    Args:
        per_minute: the size of a bucket.
        monotonic: the clock, in seconds.
    """

    def __init__(
        self, per_minute: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = float(per_minute)
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, sender: str) -> None:
        """Count one request.

        Raises:
            RequestProblem: the bucket is empty; says when to come again.
        """
        with self._lock:
            now = self._monotonic()
            left, at = self._buckets.pop(sender, (self._size, now))
            left = min(self._size, left + (now - at) * self._size / _MINUTE_S)
            self._buckets[sender] = (left - 1 if left >= 1 else left, now)
            while len(self._buckets) > _SENDERS_MAX:
                self._buckets.popitem(last=False)
        if left < 1:
            wait_s = max(1, math.ceil((1 - left) * _MINUTE_S / self._size))
            raise refuse(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"At most {int(self._size)} requests a minute are answered."
                f" Wait {wait_s} seconds.",
                headers={"Retry-After": str(wait_s)},
            )
