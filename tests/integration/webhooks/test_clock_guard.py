"""A receiver whose clock disagrees with the database's books nothing on a wrong day."""

import asyncio
from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, Gauge

import webhooks.clock_guard
from ledger.accepting.acceptor import Acceptor
from ledger.accepting.receiver_session import ReceiverSession
from storage.engine import open_accept_connection
from tests.harness.books.ledger import bet, open_wallets, request
from vocabulary.clock import SystemClock
from vocabulary.outcomes import Verdict
from webhooks.clock_guard import ClockGuard, ClockOff


class OffClock:
    """This host's clock, ahead by a time that a test sets."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


def guard_of(database: str, clock: OffClock) -> tuple[ClockGuard, Gauge]:
    offset = Gauge("offset", "of a test", registry=CollectorRegistry())
    return ClockGuard(
        lambda: open_accept_connection(database), clock=clock, off_max_s=30, offset=offset
    ), offset


@pytest.mark.parametrize("days", [3, -3])
def test_a_clock_that_is_days_off_refuses_every_batch_until_it_is_set(
    database: str, days: int
) -> None:
    open_wallets(database, ("ann", 1000))
    clock = OffClock(timedelta(days=days))
    guard, offset = guard_of(database, clock)

    async def run() -> Verdict:
        acceptor = Acceptor(guard.connect, session=ReceiverSession())
        for attempt in (acceptor.check(), acceptor.accept([request(bet("b1", 100))])):
            with pytest.raises(ClockOff, match=r"is [+-]259\d{3}\.\d s from"):
                await attempt
        assert offset._value.get() == pytest.approx(days * 86400, abs=10)
        clock.ahead = timedelta()
        accepted = await acceptor.accept([request(bet("b1", 100))])
        await acceptor.close()
        return accepted.decisions[0].verdict

    assert asyncio.run(run()) is Verdict.ACCEPTED


def test_a_clock_that_jumps_while_a_connection_is_open_is_noticed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_wallets(database, ("ann", 1000))
    clock = OffClock(timedelta(seconds=2))
    guard, _ = guard_of(database, clock)
    monkeypatch.setattr(webhooks.clock_guard, "COMPARE_EVERY_S", 0.05)

    async def run() -> None:
        acceptor = Acceptor(guard.connect, session=ReceiverSession())
        closed = asyncio.Event()

        async def close() -> None:
            await acceptor.close()
            closed.set()

        comparing = asyncio.create_task(guard.run(close))
        await acceptor.accept([request(bet("b1", 100))])
        clock.ahead = timedelta(hours=25)
        await asyncio.wait_for(closed.wait(), 10)
        with pytest.raises(ClockOff, match="set the clocks by the same time server"):
            await acceptor.accept([request(bet("b2", 100))])
        comparing.cancel()

    asyncio.run(run())
