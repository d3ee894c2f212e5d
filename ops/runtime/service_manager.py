"""Tell systemd that this process is ready and alive, by the protocol of ``sd_notify``.

Without ``NOTIFY_SOCKET`` in the environment, as under ``tieout up`` or in a container, nothing
is sent.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine, Mapping

#: Signs of life within the time after which systemd ends a silent process.
SIGNS_PER_LIMIT = 4
#: Seconds between two signs of life of an event loop, where systemd names no limit.
LOOP_SIGN_EVERY_S = 10.0


class ServiceManager:
    """The service manager that started this process, if any.

    Args:
        environ: of this process: ``NOTIFY_SOCKET``, and ``WATCHDOG_USEC`` with a watchdog.
        clock: monotonic seconds.
    """

    def __init__(
        self, environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        microseconds = environ.get("WATCHDOG_USEC", "")
        limit_s = int(microseconds) / 1e6 if microseconds.isdecimal() else None
        #: Shortest time between two signs of life, in seconds.
        self.sign_every_s = limit_s / SIGNS_PER_LIMIT if limit_s else LOOP_SIGN_EVERY_S
        self._has_watchdog = limit_s is not None
        self._clock = clock
        self._sent_at: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the process has shown that it is alive."""
        return self._sent_at is not None

    def alive(self) -> None:
        """Show that the process works: READY the first time, then signs for the watchdog."""
        now = self._clock()
        if self._sent_at is None:
            self._send("READY=1")
        elif self._has_watchdog and now - self._sent_at >= self.sign_every_s:
            self._send("WATCHDOG=1")
        else:
            return
        self._sent_at = now

    def _send(self, state: str) -> None:
        """Send a state; a manager that is away must not end the service."""
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
        ):
            channel.settimeout(0)
            channel.sendto(state.encode(), self._address)


async def show_life_of(work: Coroutine[object, object, None], manager: ServiceManager) -> None:
    """Run a server, and show from its own event loop that the loop turns once it is ready."""
    signs = asyncio.create_task(_show_life(manager))
    try:
        await work
    finally:
        signs.cancel()


async def _show_life(manager: ServiceManager) -> None:
    while True:
        await asyncio.sleep(manager.sign_every_s)
        if manager.is_ready:
            manager.alive()
