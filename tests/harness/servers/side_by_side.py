"""Receivers side by side on one database, whose connections can be cut at a chosen instant."""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import asyncpg

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Request
from storage.engine import open_accept_connection
from tests.harness.auditor.workload import Cut
from vocabulary.errors import Unavailable

#: How often a caller repeats a batch that got no answer.
CALLS_MAX = 4


class Scissors:
    """Cut the connection of the next commit, once."""

    def __init__(self) -> None:
        self.armed: Cut | None = None
        self.cut: Cut | None = None

    def snip(self, when: Cut) -> bool:
        """Whether to cut now."""
        if self.armed is not when:
            return False
        self.armed, self.cut = None, when
        return True


class Wire:
    """A connection of an acceptor; everything goes through but what the scissors cut."""

    def __init__(self, real: "asyncpg.Connection", scissors: Scissors) -> None:
        self.real = real
        self._scissors = scissors

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def fetchval(self, statement: str, *arguments: object) -> object:
        """Commit a batch, unless the connection is cut before; its reply, unless cut after."""
        if self._scissors.snip(Cut.BEFORE):
            self._lose()
        committed = await self.real.fetchval(statement, *arguments)
        if self._scissors.snip(Cut.AFTER):
            self._lose()
        return committed

    def _lose(self) -> None:
        self.real.terminate()
        raise ConnectionResetError("cut by the test")


class Pool:
    """Connections kept from one day for the next; making one costs more than a batch."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[asyncpg.Connection] = []

    async def take(self) -> "asyncpg.Connection":
        """A connection nobody uses."""
        return self._idle.pop() if self._idle else await open_accept_connection(self._url)

    def give_back(self, connection: "asyncpg.Connection") -> None:
        """Keep it, unless it was cut."""
        if not connection.is_closed():
            self._idle.append(connection)

    async def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            await self._idle.pop().close()


class Desk:
    """Where a caller hands in batches; counts what the surroundings did."""

    def __init__(self, pool: Pool, receivers: int) -> None:
        self._pool = pool
        self._scissors = [Scissors() for _ in range(receivers)]
        self._wires: list[Wire] = []
        self._acceptors = [self._receiver(number) for number in range(receivers)]

    async def tell(
        self, receiver: int, requests: Sequence[Request], cut: Cut | None
    ) -> tuple[Accepted, Cut | None]:
        """Hand in one batch until it is answered; says whether the connection was cut."""
        scissors = self._scissors[receiver]
        scissors.armed, scissors.cut = cut, None
        for _ in range(CALLS_MAX):
            answered = await _attempt(partial(self._acceptors[receiver].accept, requests))
            if answered is not None:
                scissors.armed = None
                return answered, scissors.cut
        raise Unavailable(f"no answer in {CALLS_MAX} calls")

    async def restart(self, receiver: int) -> None:
        """The receiver starts anew: it remembers nothing, its connection is another."""
        await self._acceptors[receiver].close()
        self._acceptors[receiver] = self._receiver(receiver)

    def leave(self) -> None:
        """Give the connections back."""
        for wire in self._wires:
            self._pool.give_back(wire.real)

    def _receiver(self, number: int) -> Acceptor:
        async def connect() -> Wire:
            wire = Wire(await self._pool.take(), self._scissors[number])
            self._wires.append(wire)
            return wire

        return Acceptor(connect)


async def _attempt(call: Callable[[], Coroutine[Any, Any, Accepted]]) -> Accepted | None:
    try:
        return await call()
    except Unavailable:
        return None
