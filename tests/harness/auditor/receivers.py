"""Receivers on one database whose connections can be cut before or after a commit."""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import asyncpg

from ledger.accepting.accept_sql import WRITE_BATCH
from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Request
from storage.engine import open_accept_connection
from tests.harness.auditor.workload import Cut
from vocabulary.errors import Unavailable

#: How often a batch without an answer is sent.
SENDS_MAX = 4


class ConnectionCutter:
    """Decides when the connection of the next commit is cut, once."""

    def __init__(self) -> None:
        self.armed: Cut | None = None
        self.cut: Cut | None = None

    def should_cut(self, moment: Cut) -> bool:
        """Whether to cut now."""
        if self.armed is not moment:
            return False
        self.armed, self.cut = None, moment
        return True


class CuttableConnection:
    """An acceptor's connection that can be cut; everything else passes through."""

    def __init__(self, real: "asyncpg.Connection", cutter: ConnectionCutter) -> None:
        self.real = real
        self._cutter = cutter

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def fetchval(self, statement: str, *arguments: object) -> object:
        """Commit a batch unless the connection is cut before; return unless it is cut after."""
        if statement != WRITE_BATCH:
            return await self.real.fetchval(statement, *arguments)
        if self._cutter.should_cut(Cut.BEFORE):
            self._cut()
        committed = await self.real.fetchval(statement, *arguments)
        if self._cutter.should_cut(Cut.AFTER):
            self._cut()
        return committed

    def _cut(self) -> None:
        self.real.terminate()
        raise ConnectionResetError("cut by the test")


class ConnectionPool:
    """Connections reused from day to day; opening one costs more than a batch."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[asyncpg.Connection] = []

    async def acquire(self) -> "asyncpg.Connection":
        """An unused connection."""
        return self._idle.pop() if self._idle else await open_accept_connection(self._url)

    def release(self, connection: "asyncpg.Connection") -> None:
        """Keep the connection for later, unless it was cut."""
        if not connection.is_closed():
            self._idle.append(connection)

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().close()


class Receivers:
    """Receivers with cuttable connections."""

    def __init__(self, pool: ConnectionPool, receivers: int) -> None:
        self._pool = pool
        self._cutters = [ConnectionCutter() for _ in range(receivers)]
        self._connections: list[CuttableConnection] = []
        self._acceptors = [self._receiver(number) for number in range(receivers)]

    async def send(
        self, receiver: int, requests: Sequence[Request], cut: Cut | None
    ) -> tuple[Accepted, Cut | None]:
        """Send a batch until it is answered; also returns when the connection was cut."""
        cutter = self._cutters[receiver]
        cutter.armed, cutter.cut = cut, None
        for _ in range(SENDS_MAX):
            accepted = await _attempt(partial(self._acceptors[receiver].accept, requests))
            if accepted is not None:
                cutter.armed = None
                return accepted, cutter.cut
        raise Unavailable(f"no answer to {SENDS_MAX} sends")

    async def restart(self, receiver: int) -> None:
        """Restart the receiver, with an empty cache and another connection."""
        await self._acceptors[receiver].close()
        self._acceptors[receiver] = self._receiver(receiver)

    def close(self) -> None:
        """Release the connections."""
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
