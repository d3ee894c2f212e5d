"""A receiver in memory: the real dialect and the real decisions, without storage.

Each subclass has one planted fault that a test must find.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from ledger.accepting.decide import decide
from ledger.accepting.model import (
    HandleKey,
    KnownOperation,
    LedgerView,
    OperationKey,
    Request,
    Wallet,
)
from ledger.enums import OperationDecision, OperationKind
from providers.contract import Callback, Provider, Verified
from providers.registry import DIALECTS
from providers.wire import decode_json
from simulator.conformance.catalogue import CATALOGUE, OPENING_UNITS
from simulator.conformance.runner import examine
from simulator.conformance.scenario import ScenarioResult
from simulator.conformance.target import ConformanceTarget, LedgerHooks, TestPlayer
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.facts import Fact
from vocabulary.money import exponent_of
from vocabulary.outcomes import Answer, Outcome, Verdict, refusal

BODY_BYTES_MAX = 20_000


class Bookkeeper:
    """Answers callbacks of one provider out of dictionaries."""

    def __init__(self, provider: Provider, dialect: str) -> None:
        self.provider = provider
        self.dialect = DIALECTS[dialect]
        self.policy = self.dialect.policy(provider.options)
        self.wallets: dict[int, Wallet] = {}
        self.players: dict[HandleKey, Mapping[str, int] | None] = {}
        self.operations: dict[OperationKey, KnownOperation] = {}

    def open(self, guest: TestPlayer) -> None:
        """Give a guest a wallet."""
        number = len(self.wallets) + 1
        currency = self.provider.currency
        self.wallets[number] = Wallet(
            number, guest.player, currency, guest.opening, 0, 0, blocked=False
        )
        self.players[self.provider.slug, guest.handle] = {currency: number}

    def balance(self, player: str) -> int:
        """Return the player's balance in minor units."""
        return next(w.balance for w in self.wallets.values() if w.player == player)

    def block(self, player: str) -> None:
        """Refuse the player's bets."""
        for number, wallet in self.wallets.items():
            if wallet.player == player:
                self.wallets[number] = Wallet(
                    number,
                    player,
                    wallet.currency,
                    wallet.balance,
                    wallet.seq,
                    wallet.turnover,
                    True,
                )

    def answer(self, callback: Callback) -> Answer:
        """Answer one callback as the receiver does."""
        if callback.route not in self.dialect.routes:
            return self.respond(refusal(Verdict.ROUTE_UNKNOWN, callback.route))
        try:
            verified = self.verify(callback)
        except NotAuthentic:
            return self.respond(refusal(Verdict.NOT_AUTHENTIC, callback.route))
        try:
            fact: Fact | None = self.dialect.parse(verified, self.provider)
        except Malformed:
            fact = None
        return self.decided(callback, fact)

    def verify(self, callback: Callback) -> Verified:
        """Verify the sender."""
        return self.dialect.verify(callback, self.provider)

    def respond(self, outcome: Outcome) -> Answer:
        """Render an outcome as the provider expects it."""
        return self.dialect.respond(outcome, self.provider)

    def known(
        self, key: OperationKey, operation: KnownOperation | None
    ) -> KnownOperation | None:
        """Return what is remembered of a repeated operation."""
        return operation

    def decided(self, callback: Callback, fact: Fact | None) -> Answer:
        """Decide on the books, and apply the decision."""
        slug = self.provider.slug
        handle = (slug, getattr(fact, "handle", ""))
        self.players.setdefault(handle, None)
        key = (slug, getattr(fact, "key", ""))
        operations = dict(self.operations)
        remembered = self.known(key, operations.pop(key, None))
        if remembered is not None:
            operations[key] = remembered
        decision = decide(
            LedgerView(self.wallets, self.players, operations), self._request(callback, fact)
        )
        if decision.wallet is not None:
            self.wallets[decision.wallet.wallet_id] = decision.wallet
        self.operations.update(decision.learned)
        return decision.answer

    def _request(self, callback: Callback, fact: Fact | None) -> Request:
        return Request(
            provider=self.provider.slug,
            policy=self.policy,
            fact=fact,
            route=callback.route,
            headers="",
            body=callback.body,
            received_at=SystemClock().now(),
            respond=self.respond,
        )


class ForgetsWhatItBooked(Bookkeeper):
    """Books every repeat anew."""

    def known(
        self, key: OperationKey, operation: KnownOperation | None
    ) -> KnownOperation | None:
        """Only tombstones are remembered."""
        stone = operation is not None and operation.kind is OperationKind.TOMBSTONE
        return operation if stone else None


class DecidesDeclinesAgain(Bookkeeper):
    """Takes a declined bet when it comes again and can be covered."""

    def known(
        self, key: OperationKey, operation: KnownOperation | None
    ) -> KnownOperation | None:
        """A decline is not remembered."""
        declined = operation and operation.decision is OperationDecision.DECLINED
        return None if declined else operation


class ForgetsTombstones(Bookkeeper):
    """Books what comes after its rollback."""

    def known(
        self, key: OperationKey, operation: KnownOperation | None
    ) -> KnownOperation | None:
        """A tombstone is not remembered."""
        stone = operation is not None and operation.kind is OperationKind.TOMBSTONE
        return None if stone else operation


class BelievesEverybody(Bookkeeper):
    """Reads no signature."""

    def verify(self, callback: Callback) -> Verified:
        """Whatever can be read is believed."""
        try:
            document = decode_json(callback.body)
        except Malformed as unreadable:
            raise NotAuthentic("unreadable") from unreadable
        if isinstance(document, dict):
            document.pop("hmac", None)
        return Verified(callback, document)


class TellsBalanceInErrors(Bookkeeper):
    """Names a balance whatever happened."""

    def respond(self, outcome: Outcome) -> Answer:
        """The right answer, and a balance with it where there was none."""
        answer = super().respond(outcome)
        document = json.loads(answer.body)
        if not document.get("error"):
            return answer
        return Answer(answer.status, json.dumps({**document, "balance": 1}).encode())


@contextlib.asynccontextmanager
async def listening(bookkeeper: Bookkeeper) -> AsyncIterator[str]:
    """The bookkeeper behind a port on loopback; its URL."""

    async def handle(request: web.Request) -> web.Response:
        route = request.match_info["route"]
        body = await request.content.read(BODY_BYTES_MAX + 1)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if (request.content_length or 0) > BODY_BYTES_MAX:
            answer = bookkeeper.respond(refusal(Verdict.TOO_LARGE, route))
        else:
            answer = bookkeeper.answer(Callback(route=route, headers=headers, body=body))
        return web.Response(status=answer.status, body=answer.body)

    app = web.Application()
    slug = bookkeeper.provider.slug
    app.router.add_post(f"/callbacks/{slug}{{route:(?:/.*)?}}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def findings(
    bookkeeper: Bookkeeper, subject: ConformanceTarget, *, foreign: bool = False
) -> list[ScenarioResult]:
    """Examine a bookkeeper.

    Args:
        bookkeeper: who is examined.
        subject: what it is examined as.
        foreign: its books cannot be looked into from behind.
    """
    opening = OPENING_UNITS * 10 ** exponent_of(subject.currency)
    guests = [
        TestPlayer(player=f"player-{number}", handle=f"handle-{number}", opening=opening)
        for number in range(len(CATALOGUE))
    ]
    for guest in guests:
        bookkeeper.open(guest)
    hooks = LedgerHooks(
        balance=None if foreign else bookkeeper.balance,
        block=None if foreign else bookkeeper.block,
    )
    async with listening(bookkeeper) as url:
        return [result async for result in examine(url, subject, hooks, guests, run="run")]
