"""Group commit: requests that arrive during a commit form the next batch; none hangs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest
import structlog
from msgspec import structs

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.decide import decide
from ledger.accepting.model import Decision, LedgerView, Request, Wallet
from ledger.accepting.receiver_session import WrittenBatch
from providers.contract import LedgerPolicy
from vocabulary.errors import Unavailable
from vocabulary.facts import Bet
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict
from webhooks import group_commit
from webhooks.group_commit import BATCH_MAX, FAILED_MAX, GroupCommit
from webhooks.sampled_log import SampledLog

POLICY = LedgerPolicy(
    orphan_win_credits=True,
    rollback_of_rollback_accepts=True,
    round_per_operation=True,
    rollback_moves_stated=False,
)
WAIT_S = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
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
        self.is_hanging = False
        self.confirmed: list[int] = []
        self.answered_batches: list[int] = []
        self.lost_keys: list[str] = []

    def answered(self, batches: Sequence[WrittenBatch]) -> None:
        self.answered_batches += [batch.batch_id for batch in batches]

    def lost(self, provider: str, op_key: str, at: datetime) -> None:
        assert (provider, at) == ("games", NOW)
        self.lost_keys.append(op_key)

    async def confirm(self) -> None:
        self.confirmed.append(len(self.answered_batches))
        if self.is_hanging:
            await asyncio.sleep(600)

    async def accept(self, requests: Sequence[Request]) -> Accepted:
        self.batches.append([request.body for request in requests])
        self.started.release()
        await self.gate.acquire()
        self._fault(len(self.batches))
        decisions = [_accepted(request) for request in requests]
        number = len(self.batches)
        written = [WrittenBatch(1, number)]
        return Accepted(decisions, [number], recorded=False, conflicts=0, written=written)


def _accepted(request: Request) -> Decision:
    return Decision(Verdict.ACCEPTED, CallbackReply(200, request.body), (), None, None, {})


def _respond(outcome: Outcome) -> CallbackReply:
    return CallbackReply(500, outcome.verdict.value.encode())


def _request(body: bytes) -> Request:
    return Request(
        provider="games",
        policy=POLICY,
        fact=None,
        route="/bet",
        headers="",
        body=body,
        received_at=NOW,
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
            sampled=SampledLog(),
        )
        self.loop_task = asyncio.create_task(self.commit.run())
        self.submitted = _submit(self.commit, *waiting)

    async def answers(self) -> list[bytes]:
        decisions = await _within_timeout(asyncio.gather(*self.submitted))
        return [decision.reply.body for decision in decisions]

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


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - nothing to wait for
            await asyncio.sleep(0.005)


def test_answers_are_confirmed_once_no_request_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "CONFIRM_AFTER_S", 0.01)

    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, waiting=[b"a", b"b"])
        acceptor.gate.release()
        await scene.answers()
        await _until(lambda: acceptor.confirmed == [1])
        assert acceptor.answered_batches == [1]

        scene.submitted = _submit(scene.commit, b"c")
        acceptor.gate.release()
        await scene.answers()
        await _until(lambda: acceptor.confirmed == [1, 2])
        await scene.end()

    asyncio.run(scene())


def test_a_confirmation_that_hangs_keeps_nobody_waiting_and_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "CONFIRM_AFTER_S", 0.01)
    monkeypatch.setattr(group_commit, "CONFIRM_AGAIN_AFTER_S", 0.01)

    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor, commit_timeout_s=0.1, waiting=[b"a"])
        acceptor.is_hanging = True
        acceptor.gate.release()
        await scene.answers()
        await _until(lambda: len(acceptor.confirmed) == 1)
        scene.submitted = _submit(scene.commit, b"during the confirmation")
        assert await scene.answers() == [b"unavailable"]
        acceptor.is_hanging = False
        await _until(lambda: len(acceptor.confirmed) >= 2)
        await scene.end()

    asyncio.run(scene())


def test_of_a_lost_answer_the_movement_is_noted_and_a_refusal_is_not() -> None:
    wallet = Wallet(1, "ann", "EUR", 10, 0, 0, blocked=False)
    view = LedgerView({1: wallet}, {("games", "ann"): {"EUR": 1}, ("games", "eve"): None}, {})

    async def scene() -> None:
        acceptor = GatedAcceptor()
        scene = Scene(acceptor)
        for handle in ("ann", "eve"):
            five = Money(5, "EUR")
            fact = Bet(key="k", handle=handle, amount=five, round_id="r", occurred_at=None)
            decision = decide(view, structs.replace(_request(b""), fact=fact))
            scene.commit.lost("games", decision, NOW)

        assert acceptor.lost_keys == ["k"]
        await scene.end()

    asyncio.run(scene())


def test_batches_that_keep_failing_are_logged_once_and_make_the_receiver_unready() -> None:
    failing = [True]

    def fault(_batch: int) -> None:
        if failing[0]:
            raise Unavailable("the database is out of reach: DiskFullError")

    async def scene() -> list[str]:
        acceptor = GatedAcceptor(fault)
        scene = Scene(acceptor)
        whys = []
        for number in range(FAILED_MAX + 1):
            failing[0] = number < FAILED_MAX
            scene.submitted = _submit(scene.commit, b"body")
            acceptor.gate.release()
            await scene.answers()
            whys.append(scene.commit.why_unready)
        await scene.end()
        return whys

    with structlog.testing.capture_logs() as logs:
        whys = asyncio.run(scene())

    assert whys[0] == ""
    assert whys[-2] == "the last 3 batches failed: the database is out of reach: DiskFullError"
    assert whys[-1] == ""
    failures = [log for log in logs if log["event"] == "batch_unavailable"]
    assert [log["why"] for log in failures] == ["the database is out of reach: DiskFullError"]


def test_a_receiver_without_traffic_does_not_stay_unready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "UNREADY_S", 0.05)

    def fault(_batch: int) -> None:
        raise Unavailable("the database is out of reach")

    async def scene() -> tuple[str, str]:
        acceptor = GatedAcceptor(fault)
        scene = Scene(acceptor)
        for _ in range(FAILED_MAX):
            scene.submitted = _submit(scene.commit, b"body")
            acceptor.gate.release()
            await scene.answers()
        at_once = scene.commit.why_unready
        await asyncio.sleep(0.1)
        later = scene.commit.why_unready
        await scene.end()
        return at_once, later

    at_once, later = asyncio.run(scene())

    assert at_once
    assert later == ""
