"""Whatever the database driver raises, wherever it is awaited, the receiver goes on."""

import asyncio
import inspect
import ssl
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.driver_errors import (
    BatchRefused,
    ConnectionGone,
    RaceLost,
    answer_of,
)
from ledger.accepting.epochs import READ_MARK
from ledger.accepting.model import Decision
from ledger.accepting.receiver_session import ReceiverSession
from tests.harness.books.ledger import bet, request
from vocabulary.errors import Unavailable
from vocabulary.outcomes import Verdict
from webhooks.group_commit import GroupCommit
from webhooks.sampled_log import SampledLog

#: Awaits of one batch on a new connection: connect, epoch, session, read players, read
#: operations, and the statement that writes, if it comes to that.
AWAITS = 6

ERRORS: list[Exception] = [
    *(
        member("as the driver words it")
        for member in vars(asyncpg.exceptions).values()
        if inspect.isclass(member)
        and issubclass(member, Exception)
        and not issubclass(member, Warning)
    ),
    *(kind("while it died") for kind in (OSError, ConnectionResetError, BrokenPipeError)),
    *(kind("while it died") for kind in (RuntimeError, AttributeError, AssertionError)),
    *(kind("while it died") for kind in (EOFError, KeyError, ValueError, BufferError)),
    *(kind("while it died") for kind in (TimeoutError, asyncio.InvalidStateError)),
    asyncio.IncompleteReadError(b"", 4),
    ssl.SSLError("while it died"),
]


def test_the_list_holds_the_drivers_errors() -> None:
    names = {type(error).__name__ for error in ERRORS}
    assert {"InternalClientError", "ProtocolError", "AdminShutdownError"} <= names
    assert len(ERRORS) > 200


class Driver:
    """A driver whose n-th await fails, once or always; it counts what it ended."""

    def __init__(self, error: Exception, at: int, *, always: bool) -> None:
        self._error, self._at, self._always = error, at, always
        self.awaits = 0
        self.opened = 0
        self.terminated = 0

    def _await(self) -> None:
        at, self.awaits = self.awaits, self.awaits + 1
        if at == self._at or (self._always and at >= self._at):
            raise self._error

    async def connect(self) -> "asyncpg.Connection":
        self._await()
        self.opened += 1
        return self

    async def fetchval(self, query: str, *_: Any) -> int:
        self._await()
        return 0 if query == READ_MARK else self.awaits

    async def fetch(self, *_: Any) -> list[Any]:
        self._await()
        return []

    async def execute(self, *_: Any) -> str:
        self._await()
        return ""

    async def close(self) -> None:
        self._await()

    def is_closed(self) -> bool:
        return False

    def terminate(self) -> None:
        self.terminated += 1


def cases() -> Iterator[tuple[Exception, int, bool]]:
    for error in ERRORS:
        for at in range(AWAITS):
            yield error, at, False
            yield error, at, True


async def _decide_two(driver: Driver) -> list[Decision]:
    """Two requests through the receiver's own loop, which is alive afterwards."""
    commit = GroupCommit(
        Acceptor(driver.connect, session=ReceiverSession()),
        queue_max=10,
        commit_timeout_s=5,
        sampled=SampledLog(),
        on_commit=lambda _: None,
    )
    loop = asyncio.create_task(commit.run())
    try:
        requests = [request(bet("b1", 100)), request(bet("b2", 100))]
        decisions = await asyncio.gather(*(commit.submit(r) for r in requests))
        await commit.confirm()
        assert not loop.done(), "the commit loop ended"
    finally:
        loop.cancel()
    return list(decisions)


def test_no_error_of_the_driver_ends_the_receiver() -> None:
    async def run_all() -> None:
        for error, at, always in cases():
            driver = Driver(error, at, always=always)
            decisions = await _decide_two(driver)
            case = f"{error!r} at await {at}, always={always}"
            assert len(decisions) == 2, case
            if always and at < AWAITS - 1:
                assert {d.verdict for d in decisions} == {Verdict.UNAVAILABLE}, case

    asyncio.run(run_all())


def test_a_connection_is_dropped_unless_the_server_spoke_of_the_statement() -> None:
    async def meaning(error: Exception) -> type[Exception]:
        async def fail() -> None:
            raise error

        try:
            await answer_of(fail())
        except (RaceLost, BatchRefused, ConnectionGone) as failure:
            return type(failure)
        raise AssertionError

    kinds = {
        asyncpg.UniqueViolationError("x"): RaceLost,
        asyncpg.SerializationError("x"): RaceLost,
        asyncpg.CheckViolationError("x"): BatchRefused,
        asyncpg.NumericValueOutOfRangeError("x"): BatchRefused,
        asyncpg.exceptions._base.DataError("x"): BatchRefused,
        asyncpg.ReadOnlySQLTransactionError("x"): ConnectionGone,
        asyncpg.InvalidSQLStatementNameError("x"): ConnectionGone,
        asyncpg.DiskFullError("x"): ConnectionGone,
        asyncpg.InsufficientPrivilegeError("x"): ConnectionGone,
        asyncpg.UndefinedColumnError("x"): ConnectionGone,
        asyncpg.InvalidPasswordError("x"): ConnectionGone,
        asyncpg.InternalClientError("cannot switch to state 11"): ConnectionGone,
        AttributeError("x"): ConnectionGone,
    }
    for error, kind in kinds.items():
        assert asyncio.run(meaning(error)) is kind, error


def test_readiness_is_unavailable_whatever_the_driver_raises() -> None:
    async def check_all() -> None:
        for error in ERRORS:
            for at in (0, 1):
                with pytest.raises(Unavailable, match="out of reach"):
                    await Acceptor(Driver(error, at, always=False).connect).check()

    asyncio.run(check_all())


def test_a_gone_connection_is_terminated_and_a_new_one_decides() -> None:
    async def run() -> None:
        driver = Driver(
            asyncpg.InternalClientError("cannot switch to state 15"), 7, always=False
        )
        acceptor = Acceptor(driver.connect)
        await acceptor.accept([request(bet("b1", 100))])
        driver._at = driver.awaits
        await acceptor.accept([request(bet("b2", 100))])
        assert (driver.opened, driver.terminated) == (2, 1)

    asyncio.run(run())


def test_a_cancellation_is_not_lost_in_an_error_of_the_driver() -> None:
    async def die() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise asyncpg.InternalClientError("cannot switch to state 3") from None

    async def run() -> None:
        with pytest.raises(TimeoutError) as timeout:
            async with asyncio.timeout(0.01):
                await answer_of(die())
        assert isinstance(timeout.value.__cause__, asyncio.CancelledError)

    asyncio.run(run())
