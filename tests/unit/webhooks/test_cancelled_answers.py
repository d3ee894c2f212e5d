"""Whoever waits for a decision may be cancelled, as handlers are at the end of a drain."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from msgspec import structs

from ledger.accepting.acceptor import Accepted
from ledger.accepting.decide import decide
from ledger.accepting.model import Decision, LedgerView, Request, Wallet
from ledger.accepting.receiver_session import WrittenBatch
from tests.unit.webhooks.test_group_commit import GatedAcceptor, Scene, _request, _until
from vocabulary.facts import Bet
from vocabulary.money import Money

ANN = LedgerView(
    {1: Wallet(1, "ann", "EUR", 10, 0, 0, blocked=False)}, {("games", "ann"): {"EUR": 1}}, {}
)
BET = Bet(key="k", handle="ann", amount=Money(5, "EUR"), round_id="r", occurred_at=None)


class BookingAcceptor(GatedAcceptor):
    """Books Ann's bets; may cancel who waits for one as soon as it is decided."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled: asyncio.Task[Decision] | None = None

    async def accept(self, requests: Sequence[Request]) -> Accepted:
        accepted = await super().accept(requests)
        return replace(accepted, decisions=[decide(ANN, request_) for request_ in requests])

    def answered(self, batches: Sequence[WrittenBatch]) -> None:
        super().answered(batches)
        if self.cancelled is not None:
            self.cancelled.cancel()


@pytest.mark.parametrize("is_decided", [False, True])
def test_an_answer_is_lost_if_who_waits_for_it_was_cancelled(*, is_decided: bool) -> None:
    async def scene() -> None:
        acceptor = BookingAcceptor()
        scene = Scene(acceptor)
        fact_request = structs.replace(_request(b""), fact=BET)
        waiting = asyncio.create_task(scene.commit.submit(fact_request))
        await acceptor.started.acquire()
        if is_decided:
            acceptor.cancelled = waiting
        else:
            waiting.cancel()
        acceptor.gate.release()
        await asyncio.wait({waiting})
        await _until(lambda: acceptor.answered_batches == [1])

        assert waiting.cancelled()
        assert acceptor.lost_keys == ["k"]
        await scene.end()

    asyncio.run(scene())
