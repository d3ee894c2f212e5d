"""Spaced commits: what arrives within the spacing is one batch, unless enough waits."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Decision, Request
from tests.harness.books.ledger import bet, request
from vocabulary.outcomes import CallbackReply, Verdict
from webhooks.group_commit import ENOUGH, GroupCommit
from webhooks.sampled_log import SampledLog

WAIT_S = 5


class GatedAcceptor(Acceptor):
    """Accepts each batch once the gate opens."""

    def __init__(self) -> None:
        super().__init__(_no_database)
        self.batches: list[int] = []
        self.started = asyncio.Semaphore(0)
        self.gate = asyncio.Semaphore(0)

    async def accept(self, requests: Sequence[Request]) -> Accepted:
        self.batches.append(len(requests))
        self.started.release()
        await self.gate.acquire()
        decision = Decision(Verdict.ACCEPTED, CallbackReply(200, b""), (), None, None, {})
        return Accepted([decision] * len(requests), [], recorded=False, conflicts=0)


async def _no_database() -> None:
    raise AssertionError("this acceptor has no database")


def run(
    scene: Callable[[GatedAcceptor, Callable[[], Awaitable[Decision]]], Awaitable[None]],
    *,
    spacing_s: float,
) -> None:
    """Play a scene with a running group commit, whose submissions it is given."""

    async def play() -> None:
        acceptor = GatedAcceptor()
        commit = GroupCommit(
            acceptor,
            queue_max=100,
            commit_timeout_s=600,
            on_commit=lambda _: None,
            sampled=SampledLog(),
            spacing_s=spacing_s,
        )
        loop_task = asyncio.create_task(commit.run())

        def submit() -> "asyncio.Task[Decision]":
            return asyncio.create_task(commit.submit(request(bet("b1", 100))))

        await asyncio.wait_for(scene(acceptor, submit), WAIT_S)
        loop_task.cancel()
        await asyncio.wait({loop_task})

    asyncio.run(play())


def test_spaced_commits_take_together_what_arrives_in_between() -> None:
    async def scene(acceptor: GatedAcceptor, submit: Callable[[], Awaitable[Decision]]) -> None:
        alone = submit()
        await acceptor.started.acquire()
        first = submit()
        acceptor.gate.release()
        await alone
        assert acceptor.batches == [1]
        second = submit()
        acceptor.gate.release()
        await asyncio.gather(first, second)
        assert acceptor.batches == [1, 2]

    run(scene, spacing_s=2.0)


def test_spaced_commits_do_not_wait_if_enough_requests_wait() -> None:
    async def scene(acceptor: GatedAcceptor, submit: Callable[[], Awaitable[Decision]]) -> None:
        alone = submit()
        await acceptor.started.acquire()
        others = [submit() for _ in range(ENOUGH)]
        await asyncio.sleep(0)
        acceptor.gate.release()
        acceptor.gate.release()
        await asyncio.gather(alone, *others)
        assert acceptor.batches == [1, ENOUGH]

    run(scene, spacing_s=600.0)
