"""Group commit: requests that arrive during a commit form the next batch; none hangs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Decision, Request
from providers.contract import LedgerPolicy
from vocabulary.errors import Unavailable
from vocabulary.outcomes import Answer, Outcome, Verdict
from webhooks.group_commit import BATCH_MAX, GroupCommit

POLICY = LedgerPolicy(
    orphan_win_credits=True,
    rollback_of_rollback_accepts=True,
    round_per_operation=True,
    rollback_moves_stated=False,
)
WAIT_S = 5
T = TypeVar("T")


async def _no_database() -> None:
    raise AssertionError("this acceptor has no database")


class GatedAcceptor(Acceptor):
    """Accepts everything, each batch once the gate opens; ``fault`` may refuse a batch."""

    def __init__(self, fault: Callable[[int], None] = lambda _batch: None) -> None:
        super().__init__(_no_database)
        self.batches: list[list[bytes]] = []
        self.started = asyncio.Semaphore(0)
        self.gate = asyncio.Semaphore(0)
        self._fault = fault

    async def accept(self, requests: Sequence[Request]) -> Accepted:
        self.batches.append([request.body for request in requests])
        self.started.release()
        await self.gate.acquire()
        self._fault(len(self.batches))
        decisions = [_accepted(request) for request in requests]
        return Accepted(decisions, [len(self.batches)], recorded=False, conflicts=0)


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


def _submit(commit: GroupCommit, *bodies: bytes) -> list["asyncio.Task[Decision]"]:
    return [asyncio.create_task(commit.submit(_request(body))) for body in bodies]


async def _within_timeout(work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, WAIT_S)


class Scene:
    """A running group commit before a gated acceptor."""

    def __init__(
        self,
        acceptor: GatedAcceptor,
        *,
        queue_max: int = 1_000,
        commit_timeout_s: float = 600.0,
        waiting: Sequence[bytes] = (),
    ) -> None:
        self.acceptor = acceptor
        self.results: list[Accepted] = []
        self.commit = GroupCommit(
            acceptor,
            queue_max=queue_max,
            commit_timeout_s=commit_timeout_s,
            on_commit=self.results.append,
        )
        self.loop_task = asyncio.create_task(self.commit.run())
        self.submitted = _submit(self.commit, *waiting)

    async def answers(self) -> list[bytes]:
        decisions = await _within_timeout(asyncio.gather(*self.submitted))
        return [decision.answer.body for decision in decisions]

    async def end(self) -> None:
        self.loop_task.cancel()
        await asyncio.wait({self.loop_task})


def test_requests_that_arrive_during_a_commit_form_the_next_batch() -> None:
    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, waiting=[b"first"])
        await _within_timeout(acceptor.started.acquire())
        scene.submitted += _submit(scene.commit, b"a", b"b", b"c")
        await asyncio.sleep(0)  # let the three be queued
        assert scene.commit.pending == 4
        acceptor.gate.release()
        acceptor.gate.release()

        assert await scene.answers() == [b"first", b"a", b"b", b"c"]
        assert acceptor.batches == [[b"first"], [b"a", b"b", b"c"]]
        assert scene.commit.pending == 0
        assert [result.batches for result in scene.results] == [[1], [2]]
        await scene.end()

    asyncio.run(scene())


def test_a_batch_is_bounded_and_keeps_the_order() -> None:
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


def test_a_request_beyond_the_queue_limit_is_answered_retry_later_at_once() -> None:
    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, queue_max=2, waiting=[b"in flight"])
        await _within_timeout(acceptor.started.acquire())
        scene.submitted += _submit(scene.commit, b"a", b"b", b"too many")
        decision = await _within_timeout(scene.submitted[-1])

        assert decision.verdict is Verdict.UNAVAILABLE
        assert decision.operations == ()
        assert decision.delivery is None
        acceptor.gate.release()
        acceptor.gate.release()
        assert await scene.answers() == [b"in flight", b"a", b"b", b"unavailable"]
        await scene.end()

    asyncio.run(scene())


def test_an_unreachable_database_answers_retry_later_and_commits_go_on_afterwards() -> None:
    def unavailable_at_first(batch: int) -> None:
        if batch == 1:
            raise Unavailable("the database is out of reach")

    async def scene() -> None:
        acceptor = GatedAcceptor(unavailable_at_first)
        scene = Scene(acceptor, waiting=[b"a", b"b"])
        acceptor.gate.release()
        assert await scene.answers() == [b"unavailable", b"unavailable"]
        scene.submitted = _submit(scene.commit, b"later")
        acceptor.gate.release()

        assert await scene.answers() == [b"later"]
        assert [result.batches for result in scene.results] == [[], [2]]
        await scene.end()

    asyncio.run(scene())


def test_a_bug_answers_all_waiting_requests_and_ends_the_loop_with_an_error() -> None:
    def bug(_batch: int) -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        acceptor = GatedAcceptor(bug)
        scene = Scene(acceptor, waiting=[b"in the batch"])
        await _within_timeout(acceptor.started.acquire())
        scene.submitted += _submit(scene.commit, b"behind it", b"behind that")
        await asyncio.sleep(0)  # let the two be queued
        acceptor.gate.release()

        assert await scene.answers() == [b"unavailable"] * 3
        with pytest.raises(RuntimeError, match="could not be decided") as raised:
            await _within_timeout(scene.loop_task)
        assert isinstance(raised.value.__cause__, ZeroDivisionError)
        scene.submitted = _submit(scene.commit, b"too late")
        assert await scene.answers() == [b"unavailable"]

    asyncio.run(scene())


def test_a_cancelled_request_does_not_disturb_the_others_of_its_batch() -> None:
    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, waiting=[b"a", b"gone", b"c"])
        await _within_timeout(acceptor.started.acquire())
        scene.submitted.pop(1).cancel()
        acceptor.gate.release()

        assert await scene.answers() == [b"a", b"c"]
        assert not scene.loop_task.done()
        await scene.end()

    asyncio.run(scene())


def test_a_hanging_commit_answers_retry_later_to_all_and_the_next_one_is_served() -> None:
    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, commit_timeout_s=0.05, waiting=[b"a", b"b"])
        await _within_timeout(acceptor.started.acquire())
        scene.submitted += _submit(scene.commit, b"during the commit")

        assert await scene.answers() == [b"unavailable"] * 3
        assert scene.results == []
        for _ in range(100):  # on a slow machine further commits may time out
            acceptor.gate.release()
            scene.submitted = _submit(scene.commit, b"later")
            if await scene.answers() == [b"later"]:
                break
        else:
            raise AssertionError("never served again")
        await scene.end()

    asyncio.run(scene())
