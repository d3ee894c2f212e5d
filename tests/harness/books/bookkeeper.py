"""A receiver in memory: the real dialect and the real decisions, with nothing stored on disk.

Each subclass has one fault, for tests that must find it.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping

from aiohttp import web
from msgspec import structs

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
from providers.wire.decode import decode_json
from simulator.conformance.catalogue import CATALOGUE, OPENING_UNITS
from simulator.conformance.runner import examine
from simulator.conformance.scenario import ScenarioResult
from simulator.conformance.target import ConformancePlayer, ConformanceTarget, LedgerHooks
from simulator.systems.registry import SYSTEMS
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.facts import Fact
from vocabulary.outcomes import CallbackReply, Outcome, Verdict, refusal

BODY_BYTES_MAX = 20_000


class Bookkeeper:
    """Answers callbacks of one provider from dictionaries."""

    def __init__(self, provider: Provider, dialect: str) -> None:
        self.provider = provider
        self.dialect = DIALECTS[dialect]
        self.policy = self.dialect.policy(provider.options)
        self.wallets: dict[int, Wallet] = {}
        self.players: dict[HandleKey, Mapping[str, int] | None] = {}
        self.operations: dict[OperationKey, KnownOperation] = {}

    def open(self, guest: ConformancePlayer) -> None:
        """Give a guest a wallet."""
        number = len(self.wallets) + 1
        currency = self.provider.currency
        self.wallets[number] = Wallet(
            number, guest.player, currency, guest.opening, 0, 0, blocked=False
        )
        self.players[self.provider.slug, guest.handle] = {currency: number}

    def balance(self, player: str) -> int:
        """What the player has, in minor units."""
        return next(
            wallet.balance for wallet in self.wallets.values() if wallet.player == player
        )

    def block(self, player: str) -> None:
        """Refuse the player's bets."""
        for wallet_id, wallet in self.wallets.items():
            if wallet.player == player:
                self.wallets[wallet_id] = structs.replace(wallet, blocked=True)

    def answer(self, callback: Callback) -> CallbackReply:
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
        return self.decide(callback, fact)

    def verify(self, callback: Callback) -> Verified:
        """Verify the sender."""
        return self.dialect.verify(callback, self.provider)

    def respond(self, outcome: Outcome) -> CallbackReply:
        """Render the outcome in the provider's format."""
        return self.dialect.respond(outcome, self.provider)

    def prior_operation(
        self, key: OperationKey, operation: KnownOperation | None
    ) -> KnownOperation | None:
        """The known operation under the key of a new callback."""
        return operation

    def decide(self, callback: Callback, fact: Fact | None) -> CallbackReply:
        """Decide on the books, and apply the decision."""
        slug = self.provider.slug
        handle = (slug, getattr(fact, "handle", ""))
        self.players.setdefault(handle, None)
        key = (slug, getattr(fact, "key", ""))
        operations = dict(self.operations)
        prior = self.prior_operation(key, operations.pop(key, None))
        if prior is not None:
            operations[key] = prior
        view = LedgerView(self.wallets, self.players, operations)
        decision = decide(view, self._request(callback, fact))
        if decision.wallet is not None:
            self.wallets[decision.wallet.wallet_id] = decision.wallet
        self.operations.update(decision.changes)
        return decision.reply

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


class BooksRepeatsAgain(Bookkeeper):
    """Books every repeat again."""

    def prior_operation(
        self, key: OperationKey, operation: KnownOperation | None
    ) -> KnownOperation | None:
        """Forget everything but tombstones."""
        is_tombstone = operation is not None and operation.kind is OperationKind.TOMBSTONE
        return operation if is_tombstone else None


class DecidesDeclinesAgain(Bookkeeper):
    """Accepts the repeat of a declined bet if there are funds now."""

    def prior_operation(
        self, key: OperationKey, operation: KnownOperation | None
    ) -> KnownOperation | None:
        """Forget declines."""
        declined = operation and operation.decision is OperationDecision.DECLINED
        return None if declined else operation


class ForgetsTombstones(Bookkeeper):
    """Books an operation that arrives after its rollback."""

    def prior_operation(
        self, key: OperationKey, operation: KnownOperation | None
    ) -> KnownOperation | None:
        """Forget tombstones."""
        is_tombstone = operation is not None and operation.kind is OperationKind.TOMBSTONE
        return None if is_tombstone else operation


class AcceptsAnySender(Bookkeeper):
    """Checks no signature."""

    def verify(self, callback: Callback) -> Verified:
        """Accept any readable body."""
        try:
            document = decode_json(callback.body)
        except Malformed as unreadable:
            raise NotAuthentic("unreadable") from unreadable
        if isinstance(document, dict):
            document.pop("hmac", None)
        return Verified(callback, document)


class AddsBalanceToErrors(Bookkeeper):
    """Adds a balance to every error."""

    def respond(self, outcome: Outcome) -> CallbackReply:
        """The right answer, plus a balance if it is an error."""
        reply = super().respond(outcome)
        document = json.loads(reply.body)
        if not SYSTEMS[self.dialect.name].replies.error(document):
            return reply
        return CallbackReply(reply.status, json.dumps({**document, "balance": 1}).encode())


@contextlib.asynccontextmanager
async def serve_bookkeeper(bookkeeper: Bookkeeper) -> AsyncIterator[str]:
    """Serve the bookkeeper on a loopback port; yields its URL."""

    async def handle(request: web.Request) -> web.Response:
        route = request.match_info["route"]
        body = await request.content.read(BODY_BYTES_MAX + 1)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if (request.content_length or 0) > BODY_BYTES_MAX:
            reply = bookkeeper.respond(refusal(Verdict.TOO_LARGE, route))
        else:
            reply = bookkeeper.answer(Callback(route=route, headers=headers, body=body))
        return web.Response(status=reply.status, body=reply.body)

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


async def examine_bookkeeper(
    bookkeeper: Bookkeeper, target: ConformanceTarget, *, foreign: bool = False
) -> list[ScenarioResult]:
    """Run the conformance kit against a bookkeeper.

    Args:
        bookkeeper: the receiver to examine.
        target: the description of the receiver.
        foreign: the kit cannot read its books.
    """
    opening = target.units(OPENING_UNITS)
    guests = [
        ConformancePlayer(player=f"player-{number}", handle=f"handle-{number}", opening=opening)
        for number in range(len(CATALOGUE))
    ]
    for guest in guests:
        bookkeeper.open(guest)
    hooks = LedgerHooks(
        balance=None if foreign else bookkeeper.balance,
        block=None if foreign else bookkeeper.block,
    )
    async with serve_bookkeeper(bookkeeper) as url:
        return [result async for result in examine(url, target, hooks, guests, run="run")]
