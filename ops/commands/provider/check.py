"""``tieout provider check``: check credentials and clock against a provider's API."""

import asyncio
from datetime import timedelta
from typing import Any

import typer

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, ProviderArgument
from ops.commands.provider_choice import entry_named
from ops.context import context_of
from ops.providers.api_access import open_api
from ops.runtime import logs
from ops.settings.model import ProviderSettings
from providers.outbound.http_transport import Exchange
from vocabulary.errors import ApiError, ApiUnavailable

#: A clock further off than this is a finding; a provider may refuse requests from 300 s on.
SKEW_MAX = timedelta(seconds=60)


def check(ctx: typer.Context, slug: ProviderArgument, *, as_json: AsJson = False) -> None:
    """Check credentials and clock against the provider's API.

    Exit 0 when both hold, 1 when it refuses us or the clocks differ, 3 when it is out of reach.
    """
    logs.configure(level="warning")
    document = asyncio.run(_check(entry_named(context_of(ctx).settings, slug)))
    if as_json:
        print_json(document, indent=2)
    else:
        typer.echo(_sentence(document))
    raise typer.Exit({"ok": 0, "unavailable": 3}.get(document["verdict"], 1))


async def _check(entry: ProviderSettings) -> dict[str, Any]:
    error: ApiError | None = None
    async with open_api(entry) as (api, transport):
        try:
            await api.check()
        except ApiError as failure:
            error = failure
        exchange = transport.latest
    verdict = "ok" if error is None else "refused"
    if isinstance(error, ApiUnavailable):
        verdict = "unavailable"
    elif error is None and exchange is not None and _is_off(exchange):
        verdict = "clock"
    return _document(entry.slug, verdict, exchange, error)


def _is_off(exchange: Exchange) -> bool:
    return exchange.skew is not None and abs(exchange.skew) > SKEW_MAX


def _document(
    slug: str, verdict: str, exchange: Exchange | None, error: Exception | None
) -> dict[str, Any]:
    skew = None if exchange is None else exchange.skew
    return {
        "provider": slug,
        "verdict": verdict,
        "endpoint": exchange and exchange.endpoint,
        "status": exchange and exchange.status,
        "latency_ms": exchange and round(exchange.latency / timedelta(milliseconds=1)),
        "clock_skew_s": None if skew is None else round(skew.total_seconds()),
        "error": error and str(error),
        "attempts": getattr(error, "attempts", 1),
    }


def _sentence(document: dict[str, Any]) -> str:
    clock = "their clock is not known"
    if document["clock_skew_s"] is not None:
        clock = f"their clock minus ours: {document['clock_skew_s']:+d} s"
    if document["verdict"] in {"ok", "clock"}:
        answer = f"{document['endpoint']} answered {document['status']}"
        doubt = "; the clocks differ too much" if document["verdict"] == "clock" else ""
        return (
            f"{document['provider']}: {answer} in {document['latency_ms']} ms; {clock}{doubt}"
        )
    error = str(document["error"])
    return error if document["status"] is None else f"{error}; {clock}"
