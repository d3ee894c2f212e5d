"""Several acceptors on one database, whose connections can be cut before or after a commit."""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import asyncpg

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Request
from storage.engine import open_accept_connection
from tests.harness.auditor.workload import Cut
from vocabulary.errors import Unavailable

#: Most attempts at one batch.
CALLS_MAX = 4


class ConnectionCutter:
    """Cuts the connection of the next commit, once."""

    def __init__(self) -> None:
        self.armed: Cut | None = None
        self.cut: Cut | None = None

    def cuts(self, when: Cut) -> bool:
        """Whether to cut now; disarms itself."""
        if self.armed is not when:
            return False
        self.armed, self.cut = None, when
        return True


class CuttableConnection:
    """An acceptor's connection that a ``ConnectionCutter`` may cut."""

    def __init__(self, real: "asyncpg.Connection", cutter: ConnectionCutter) -> None:
        self.real = real
        self._cutter = cutter

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def fetchval(self, statement: str, *arguments: object) -> object:
        """Commit a batch unless the connection is cut before; reply unless it is cut after."""
        if self._cutter.cuts(Cut.BEFORE):
            self._cut()
        committed = await self.real.fetchval(statement, *arguments)
        if self._cutter.cuts(Cut.AFTER):
            self._cut()
        return committed

    def _cut(self) -> None:
        self.real.terminate()
        raise ConnectionResetError("cut by the test")


class ConnectionPool:
    """Reuses connections between simulated days: opening one costs more than a batch."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[asyncpg.Connection] = []

    async def acquire(self) -> "asyncpg.Connection":
        """An idle or new connection."""
        return self._idle.pop() if self._idle else await open_accept_connection(self._url)

    def release(self, connection: "asyncpg.Connection") -> None:
        """Keep a connection for reuse unless it was cut."""
        if not connection.is_closed():
            self._idle.append(connection)

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().close()


class ParallelReceivers:
    """Several acceptors that share one database."""

    def __init__(self, pool: ConnectionPool, receivers: int) -> None:
        self._pool = pool
        self._cutters = [ConnectionCutter() for _ in range(receivers)]
        self._connections: list[CuttableConnection] = []
        self._acceptors = [self._receiver(number) for number in range(receivers)]

    async def accept(
        self, receiver: int, requests: Sequence[Request], cut: Cut | None
    ) -> tuple[Accepted, Cut | None]:
        """Submit a batch until it is answered; also returns where the connection was cut."""
        cutter = self._cutters[receiver]
        cutter.armed, cutter.cut = cut, None
        for _ in range(CALLS_MAX):
            accepted = await _attempt(partial(self._acceptors[receiver].accept, requests))
            if accepted is not None:
                cutter.armed = None
                return accepted, cutter.cut
        raise Unavailable(f"no answer in {CALLS_MAX} calls")

    async def restart(self, receiver: int) -> None:
        """Replace the receiver by one without cache and with a new connection."""
        await self._acceptors[receiver].close()
        self._acceptors[receiver] = self._receiver(receiver)

    def release(self) -> None:
        """Return the connections to the pool."""
        for connection in self._connections:
            self._pool.release(connection.real)

    def _receiver(self, number: int) -> Acceptor:
        async def connect() -> CuttableConnection:
            connection = CuttableConnection(await self._pool.acquire(), self._cutters[number])
            self._connections.append(connection)
            return connection

        return Acceptor(connect)


async def _attempt(call: Callable[[], Coroutine[Any, Any, Accepted]]) -> Accepted | None:
    try:
        return await call()
    except Unavailable:
        return None
