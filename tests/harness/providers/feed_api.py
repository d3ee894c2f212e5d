"""The scratch-card platform's lists with rounds and deliveries in them, for pulling."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ops.settings.model import ProviderSettings
from providers.xigs.pages import PAGE_ITEMS
from tests.harness.providers.api_server import Scripted
from tests.harness.providers.xigs_api import LOGIN, success, tokens

NOON = datetime(2026, 6, 4, 12, 0, 0, tzinfo=UTC)
SESSIONS = "/v1/game/session"
WEBHOOKS = "/v1/webhook"
LOG = "/v1/webhook/W1"

Row = Mapping[str, Any]
ROUND: Row = {
    "roundId": "r-1",
    "userId": "usr_7c21",
    "currency": "USD",
    "bet": 2.5,
    "prize": 40,
    "status": "closed",
    "createdAt": "2026-06-04T09:30:00Z",
    "updatedAt": "2026-06-04T09:30:04Z",
}
DELIVERY: Row = {
    "id": "d-1",
    "webhookId": "W1",
    "eventType": "open-round",
    "payload": {"roundId": "r-1", "amount": 2.50, "userId": "usr_7c21"},
    "responseCode": 200,
    "responseBody": '{"status":"success","data":{"balance":97.5}}',
    "success": True,
    "duration": 12,
    "timestamp": "2026-06-04T09:30:00.125Z",
    "retryCount": 0,
    "errorMessage": None,
}


def a_round(number: int, **changed: Any) -> Row:
    return {**ROUND, "roundId": f"r-{number}", **changed}


def a_session(name: str, *rounds: Any) -> Row:
    return {"sessionId": name, "userId": "usr_7c21", "gameId": "g-7", "rounds": list(rounds)}


def listed(rows: Sequence[Any], *, index: int = 1, total: int | None = None) -> Scripted:
    """One page of a list."""
    whole = len(rows) if total is None else total
    paging = {"pageIndex": index, "pageSize": PAGE_ITEMS, "totalCount": whole}
    return success(list(rows), pagination=paging)


def script(
    sessions: Sequence[Scripted], log: Sequence[Scripted] | None = None
) -> dict[str, list[Scripted]]:
    """What the platform answers: its sessions, and one webhook with its log."""
    return {
        LOGIN: [tokens(1, "2999-01-01T00:00:00Z")],
        SESSIONS: list(sessions),
        WEBHOOKS: [listed([{"id": "W1", "signatureToken": "canary-token"}])],
        LOG: list(log or [listed([])]),
    }


def xigs_at(url: str, **changed: Any) -> ProviderSettings:
    """A configured provider whose API is there."""
    raw = {
        "slug": "xigs",
        "dialect": "xigs",
        "currency": "USD",
        "secrets": ["literal:secret"],
        "api": {"base_url": url, "key": "literal:canary-key", "attempts": 2},
        **changed,
    }
    return ProviderSettings.model_validate(raw, context={"mode": "test"})


def toml_of(url: str, database: str) -> str:
    """The same provider, and two without an API that tells history, as a settings file."""
    plain = "\n".join(
        f'[[providers]]\nslug = "{name}"\ndialect = "{dialect}"\ncurrency = "USD"\n'
        'secrets = ["literal:secret"]'
        for name, dialect in (("book", "sportsbook"), ("silent", "xigs"))
    )
    return (
        f'mode = "test"\n[database]\nurl = {json.dumps(database)}\n[broker]\n'
        f'url = "redis://127.0.0.1:1/0"\n{plain}\n[[providers]]\nslug = "xigs"\n'
        'dialect = "xigs"\ncurrency = "USD"\nsecrets = ["literal:secret"]\n[providers.api]\n'
        f'base_url = "{url}"\nkey = "literal:canary-key"\nattempts = 1\n'
    )
