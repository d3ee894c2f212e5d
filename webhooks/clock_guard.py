"""Refuses to book while this host's clock and the database's differ: rounds would be misdated.

A callback's business day comes from this host's clock. Each connection compares it with the
database's as it opens, and one more does every minute.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Gauge

from storage.engine import database_time
from vocabulary.clock import Clock
from vocabulary.errors import Unavailable

if TYPE_CHECKING:
    import asyncpg

#: Time between two comparisons while connections stay open, in seconds.
COMPARE_EVERY_S = 60.0

log = structlog.get_logger()


class ClockOff(Unavailable):
    """This host's clock and the database's are too far apart."""


class ClockGuard:
    """Opens connections and refuses them while the clocks differ.

    Args:
        connect: opens a connection.
        clock: this host's.
        off_max_s: the largest difference that is let pass, in seconds.
        offset: set to how far this host's clock is ahead of the database's, in seconds.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable["asyncpg.Connection"]],
        *,
        clock: Clock,
        off_max_s: float,
        offset: Gauge,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._off_max_s = off_max_s
        self._offset = offset
        self._is_off = False

    async def connect(self) -> "asyncpg.Connection":
        """Open a connection to a database whose clock agrees.

        Raises:
            ClockOff: it does not.
            Exception: whatever the driver raises.
        """
        connection = await self._connect()
        try:
            await self._compare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def run(self, on_off: Callable[[], Awaitable[None]]) -> None:
        """Compare every minute until cancelled.

        Args:
            on_off: closes the connection in use, so that the next batch is refused.
        """
        while True:
            await asyncio.sleep(COMPARE_EVERY_S)
            try:
                connection = await self.connect()
            except ClockOff:
                await on_off()
            except Exception as error:  # noqa: BLE001 - an outage is told by those who book
                log.info("clock_not_compared", error=type(error).__name__)
            else:
                connection.terminate()

    async def _compare(self, connection: "asyncpg.Connection") -> None:
        sent = self._clock.now()
        theirs = await database_time(connection)
        received = self._clock.now()
        offset_s = (sent + (received - sent) / 2 - theirs).total_seconds()
        self._offset.set(offset_s)
        # The answer was on its way for at most the time between both.
        is_off = abs(offset_s) - (received - sent).total_seconds() / 2 > self._off_max_s
        if is_off and not self._is_off:
            log.critical("clock_off", ahead_s=round(offset_s, 3))
        elif self._is_off and not is_off:
            log.info("clock_agrees", ahead_s=round(offset_s, 3))
        self._is_off = is_off
        if is_off:
            raise ClockOff(
                f"this host's clock is {offset_s:+.1f} s from the database's; at most"
                f" {self._off_max_s:g} s pass: set the clocks by the same time server"
            )
