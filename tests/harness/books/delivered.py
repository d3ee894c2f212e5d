"""Callbacks accepted as a receiver accepts them, without a receiver."""

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
from tests.harness.providers.aggregator import SAMPLES
from tests.harness.providers.signers import sign_aggregator, sign_sportsbook
from tests.harness.servers.receiver import SECRET, SETTINGS
from vocabulary.clock import SystemClock
from vocabulary.outcomes import Answer, Outcome
from webhooks.evidence_headers import evidence


def providers(folder: Path) -> dict[str, ConfiguredProvider]:
    """The providers of the harness' settings."""
    path = folder / "tieout.toml"
    path.write_text(SETTINGS)
    return configured(load(path, {}))


def bet(player: str, key: str) -> Callback:
    """A sportsbook bet of 1.00 USD."""
    document = {"transaction_id": key, "action": "bet", "user_id": player}
    body = json.dumps({**document, "currency": "USD", "amount": "1.00"}).encode()
    return sign_sportsbook("/transaction", body, SECRET)


def history(record: str, *, payout: int, updated: str, secret: bytes = SECRET) -> Callback:
    """Return a history record of the aggregator with this payout and update time."""
    amounts = {"_id": record, "receive_balance": payout, "winlose": payout - 5}
    times = {"createdAt": "2026-06-04T09:00:00.000Z", "updatedAt": f"2026-06-04T{updated}.000Z"}
    text = json.dumps(
        SAMPLES["/history"] | amounts | times, sort_keys=True, separators=(",", ":")
    )
    return sign_aggregator("/history", text.encode(), secret)


def deliver(
    url: str, configured_provider: ConfiguredProvider, callbacks: Sequence[Callback]
) -> Accepted:
    """Commit callbacks in one batch; nobody is notified."""
    return asyncio.run(
        _accept(url, [_request(configured_provider, callback) for callback in callbacks])
    )


def _request(configured_provider: ConfiguredProvider, callback: Callback) -> Request:
    def respond(outcome: Outcome) -> Answer:
        return configured_provider.dialect.respond(outcome, configured_provider.provider)

    verified = configured_provider.dialect.verify(callback, configured_provider.provider)
    return Request(
        provider=configured_provider.provider.slug,
        policy=configured_provider.policy,
        fact=configured_provider.dialect.parse(verified, configured_provider.provider),
        route=callback.route,
        headers=evidence(callback.headers),
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
