"""``tieout provider``: what is configured, and whether a provider's API lets us in."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer

from ops.commands.conformance import conformance
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, ProviderArgument
from ops.context import current
from ops.settings.model import ProviderSettings, Settings

if TYPE_CHECKING:
    from providers.outbound.http_transport import Exchange

app = typer.Typer(
    help="List the configured providers, and check them.",
    no_args_is_help=True,
    add_completion=False,
)
app.command()(conformance)

#: A clock further off than this is a finding; a provider may refuse requests from 300 s on.
SKEW_MAX = timedelta(seconds=60)


@app.command("list")
def list_providers(
    ctx: typer.Context,
    *,
    as_json: AsJson = False,
) -> None:
    """Print every configured provider, and whether its own API can be called."""
    providers = [
        {
            "slug": entry.slug,
            "dialect": entry.dialect,
            "currency": entry.currency,
            "api": entry.api is not None,
        }
        for entry in current(ctx).settings.providers
    ]
    if as_json:
        print_json(providers, indent=2)
        return
    for provider in providers:
        api = "API configured" if provider["api"] else "no API"
        typer.echo(f"{provider['slug']}: {provider['dialect']}, {provider['currency']}, {api}")


@app.command()
def check(
    ctx: typer.Context,
    slug: ProviderArgument,
    *,
    as_json: AsJson = False,
) -> None:
    """Prove credentials and clock against the provider's API.

    Exit 0 when both hold, 1 when it refuses us or the clocks differ, 3 when it is out of reach.
    """
    from ops.runtime import logs  # noqa: PLC0415 - heavy

    logs.configure(level="warning")
    report = asyncio.run(_checked(entry_named(current(ctx).settings, slug)))
    if as_json:
        print_json(report, indent=2)
    else:
        typer.echo(_sentence(report))
    raise typer.Exit({"ok": 0, "unavailable": 3}.get(report["verdict"], 1))


def entry_named(settings: Settings, slug: str) -> ProviderSettings:
    """The settings of one provider.

    Raises:
        typer.BadParameter: none has that slug.
    """
    for entry in settings.providers:
        if entry.slug == slug:
            return entry
    known = ", ".join(entry.slug for entry in settings.providers) or "none"
    raise typer.BadParameter(f"no provider is called {slug}; configured: {known}")


async def _checked(entry: ProviderSettings) -> dict[str, Any]:
    from ops.providers.api_access import open_api  # noqa: PLC0415 - heavy
    from vocabulary.errors import ApiError, ApiUnavailable  # noqa: PLC0415

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
    return _report(entry.slug, verdict, exchange, error)


def _is_off(exchange: "Exchange") -> bool:
    return exchange.skew is not None and abs(exchange.skew) > SKEW_MAX


def _report(
    slug: str, verdict: str, exchange: "Exchange | None", error: Exception | None
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


def _sentence(report: dict[str, Any]) -> str:
    clock = "their clock is not known"
    if report["clock_skew_s"] is not None:
        clock = f"their clock minus ours: {report['clock_skew_s']:+d} s"
    if report["verdict"] in {"ok", "clock"}:
        way = f"{report['endpoint']} answered {report['status']} in {report['latency_ms']} ms"
        doubt = "; the clocks differ too much" if report["verdict"] == "clock" else ""
        return f"{report['provider']}: {way}; {clock}{doubt}"
    return str(report["error"]) if report["status"] is None else f"{report['error']}; {clock}"
