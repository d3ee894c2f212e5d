"""Commit callbacks to the books as a receiver would, without a receiver."""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Request
from ops.providers.configured import ConfiguredProvider, configured
from ops.settings.loader import load
from providers.contract import Callback
from storage.engine import open_accept_connection
from tests.harness.dialects.aggregator import SAMPLES, sign_aggregator
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.servers.receiver import SECRET, SETTINGS
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.facts import Fact
from vocabulary.outcomes import CallbackReply, Outcome
from webhooks.evidence_headers import evidence_text


def providers(folder: Path, settings: str = SETTINGS) -> dict[str, ConfiguredProvider]:
    """The providers of the harness' settings, or of others."""
    path = folder / "tieout.toml"
    path.write_text(settings)
    return configured(load(path, {}))


def bet(player: str, key: str) -> Callback:
    """A sportsbook bet of 1.00 USD."""
    document = {"transaction_id": key, "action": "bet", "user_id": player}
    body = json.dumps({**document, "currency": "USD", "amount": "1.00"}).encode()
    return sign_sportsbook("/transaction", body, SECRET)


def transaction(player: str, key: str, *, action: str, amount: str) -> Callback:
    """A movement of the sportsbook whose amount is this JSON token."""
    document = {"transaction_id": key, "action": action, "user_id": player, "currency": "USD"}
    body = json.dumps(document)[:-1] + f', "amount": {amount}}}'
    return sign_sportsbook("/transaction", body.encode(), SECRET)


def history(record: str, *, payout: int, updated: str, secret: bytes = SECRET) -> Callback:
    """A history record of the aggregator: a round's payout, as of a time of the day."""
    amounts = {"_id": record, "receive_balance": payout, "winlose": payout - 5}
    times = {"createdAt": "2026-06-04T09:00:00.000Z", "updatedAt": f"2026-06-04T{updated}.000Z"}
    document = SAMPLES["/history"] | amounts | times
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return sign_aggregator("/history", text.encode(), secret)


def commit(
    url: str, configured_provider: ConfiguredProvider, callbacks: Sequence[Callback]
) -> Accepted:
    """Commit callbacks in one batch, without a message to the workers."""
    requests = [_request(configured_provider, callback) for callback in callbacks]
    return asyncio.run(_accept(url, requests))


def _request(configured_provider: ConfiguredProvider, callback: Callback) -> Request:
    dialect, provider = configured_provider.dialect, configured_provider.provider

    def respond(outcome: Outcome) -> CallbackReply:
        return dialect.respond(outcome, provider)

    verified = dialect.verify(callback, provider)
    fact: Fact | None
    try:
        fact = dialect.parse(verified, provider)
    except Malformed:
        fact = None
    return Request(
        provider=provider.slug,
        policy=configured_provider.policy,
        fact=fact,
        route=callback.route,
        headers=evidence_text(callback.headers, dialect.signature_headers(provider)),
        body=callback.body,
        received_at=SystemClock().now(),
        respond=respond,
    )


async def _accept(url: str, requests: Sequence[Request]) -> Accepted:
    acceptor = Acceptor(partial(open_accept_connection, url))
    try:
        return await acceptor.accept(requests)
    finally:
        await acceptor.close()
