"""Group commit: what arrives during one commit is the next one; nobody waits for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Decision, Request
from providers.contract import Policy
from vocabulary.errors import Unavailable
from vocabulary.outcomes import Answer, Outcome, Verdict
from webhooks.group_commit import BATCH_MAX, GroupCommit

POLICY = Policy(
    orphan_win_credits=True, rollback_of_rollback_accepts=True, round_per_operation=True
)
WAIT_S = 5
T = TypeVar("T")


async def _no_database() -> None:
    raise AssertionError("this acceptor has no database")


class GatedAcceptor(Acceptor):
    """Accepts everything, each batch only when let through; ``trouble`` may refuse a batch."""

    def __init__(self, trouble: Callable[[int], None] = lambda _batch: None) -> None:
        super().__init__(_no_database)
        self.batches: list[list[bytes]] = []
        self.began = asyncio.Semaphore(0)
        self.gate = asyncio.Semaphore(0)
        self._trouble = trouble

    async def accept(self, requests: Sequence[Request]) -> Accepted:
        self.batches.append([request.body for request in requests])
        self.began.release()
        await self.gate.acquire()
        self._trouble(len(self.batches))
        decided = [_accepted(request) for request in requests]
        return Accepted(decided, [len(self.batches)], recorded=False, conflicts=0)


def _accepted(request: Request) -> Decision:
    return Decision(Verdict.ACCEPTED, Answer(200, request.body), (), None, None, {})


def _respond(outcome: Outcome) -> Answer:
    return Answer(500, outcome.verdict.value.encode())


def _request(body: bytes) -> Request:
    return Request(
        provider="games",
        policy=POLICY,
        fact=None,
        route="/bet",
        headers="",
        body=body,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        respond=_respond,
    )


def _sending(commit: GroupCommit, *bodies: bytes) -> list["asyncio.Task[Decision]"]:
    return [asyncio.create_task(commit.submit(_request(body))) for body in bodies]


async def _in_time(work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, WAIT_S)


class Scene:
    """A running group commit before a gated acceptor."""

    def __init__(
        self,
        acceptor: GatedAcceptor,
        *,
        queue_max: int = 1_000,
        patience_s: float = 600.0,
        waiting: Sequence[bytes] = (),
    ) -> None:
        self.acceptor = acceptor
        self.told: list[Accepted] = []
        self.commit = GroupCommit(
            acceptor, queue_max=queue_max, patience_s=patience_s, after=self.told.append
        )
        self.running = asyncio.create_task(self.commit.run())
        self.sent = _sending(self.commit, *waiting)

    async def answers(self) -> list[bytes]:
        decided = await _in_time(asyncio.gather(*self.sent))
        return [one.answer.body for one in decided]

    async def end(self) -> None:
        self.running.cancel()
        await asyncio.wait({self.running})


def test_what_arrives_during_a_commit_is_committed_together_next() -> None:
    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, waiting=[b"first"])
        await _in_time(acceptor.began.acquire())
        scene.sent += _sending(scene.commit, b"a", b"b", b"c")
        await asyncio.sleep(0)  # let the three be queued
        assert scene.commit.pending == 4
        acceptor.gate.release()
        acceptor.gate.release()

        assert await scene.answers() == [b"first", b"a", b"b", b"c"]
        assert acceptor.batches == [[b"first"], [b"a", b"b", b"c"]]
        assert scene.commit.pending == 0
        assert [told.batches for told in scene.told] == [[1], [2]]
        await scene.end()

    asyncio.run(scene())


def test_a_batch_is_bounded_and_the_order_is_kept() -> None:
    async def scene() -> None:
        bodies = [str(number).encode() for number in range(BATCH_MAX * 2 + 7)]
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, waiting=bodies)
        for _ in range(3):
            acceptor.gate.release()

        assert await scene.answers() == bodies
        assert sorted(map(len, acceptor.batches)) == [7, BATCH_MAX, BATCH_MAX]
        await scene.end()

    asyncio.run(scene())


def test_beyond_the_queue_a_request_is_told_to_retry_at_once() -> None:
    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, queue_max=2, waiting=[b"in flight"])
        await _in_time(acceptor.began.acquire())
        scene.sent += _sending(scene.commit, b"a", b"b", b"too many")
        decided = await _in_time(scene.sent[-1])

        assert decided.verdict is Verdict.UNAVAILABLE
        assert decided.operations == ()
        assert decided.delivery is None
        acceptor.gate.release()
        acceptor.gate.release()
        assert await scene.answers() == [b"in flight", b"a", b"b", b"unavailable"]
        await scene.end()

    asyncio.run(scene())


def test_a_database_out_of_reach_tells_the_whole_batch_to_retry_and_goes_on() -> None:
    def gone_at_first(batch: int) -> None:
        if batch == 1:
            raise Unavailable("the database is out of reach")

    async def scene() -> None:
        acceptor = GatedAcceptor(gone_at_first)
        scene = Scene(acceptor, waiting=[b"a", b"b"])
        acceptor.gate.release()
        assert await scene.answers() == [b"unavailable", b"unavailable"]
        scene.sent = _sending(scene.commit, b"later")
        acceptor.gate.release()

        assert await scene.answers() == [b"later"]
        assert [told.batches for told in scene.told] == [[], [2]]
        await scene.end()

    asyncio.run(scene())


def test_a_bug_answers_everyone_who_waits_and_ends_the_commits_with_an_error() -> None:
    def bug(_batch: int) -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        acceptor = GatedAcceptor(bug)
        scene = Scene(acceptor, waiting=[b"in the batch"])
        await _in_time(acceptor.began.acquire())
        scene.sent += _sending(scene.commit, b"behind it", b"behind that")
        await asyncio.sleep(0)  # let the two be queued
        acceptor.gate.release()

        assert await scene.answers() == [b"unavailable"] * 3
        with pytest.raises(RuntimeError, match="could not be decided") as raised:
            await _in_time(scene.running)
        assert isinstance(raised.value.__cause__, ZeroDivisionError)
        scene.sent = _sending(scene.commit, b"too late")
        assert await scene.answers() == [b"unavailable"]

    asyncio.run(scene())


def test_a_caller_who_gave_up_does_not_disturb_its_neighbours() -> None:
    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, waiting=[b"a", b"gone", b"c"])
        await _in_time(acceptor.began.acquire())
        scene.sent.pop(1).cancel()
        acceptor.gate.release()

        assert await scene.answers() == [b"a", b"c"]
        assert not scene.running.done()
        await scene.end()

    asyncio.run(scene())


def test_a_commit_that_hangs_sends_everybody_back_and_the_next_is_served() -> None:
    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, patience_s=0.05, waiting=[b"a", b"b"])
        await _in_time(acceptor.began.acquire())
        scene.sent += _sending(scene.commit, b"came meanwhile")

        assert await scene.answers() == [b"unavailable"] * 3
        assert scene.told == []
        for _ in range(100):  # a slow machine may give up once more
            acceptor.gate.release()
            scene.sent = _sending(scene.commit, b"later")
            if await scene.answers() == [b"later"]:
                break
        else:
            raise AssertionError("never served again")
        await scene.end()

    asyncio.run(scene())
