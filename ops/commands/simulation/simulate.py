"""``tieout simulate``: play the providers' side against a receiver, from a seed."""

import asyncio
import io
import signal
import socket
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
import uvloop
from rich.table import Table

from ledger.players.importer import import_players, read_players
from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.progress import progress_bars
from ops.commands.tables import print_table
from ops.context import Context, context_of, endpoints
from ops.providers.configured import configured
from ops.providers.simulated import configuration_of
from simulator.api.server import serve
from simulator.history.faults import InjectedFault
from simulator.protocol.configuration import Configuration
from simulator.protocol.messages import Side
from simulator.protocol.sender import PATIENCE
from simulator.protocol.system import System
from simulator.run.campaign import Campaign, CampaignOptions, run_campaign
from simulator.run.driver import Pace, ReceiverTarget
from simulator.scenarios.plan import Plan, make_plan
from simulator.scenarios.players_csv import write_roster
from simulator.systems.registry import SYSTEMS
from storage.transactions import engine_at
from vocabulary.clock import SystemClock
from vocabulary.currencies import ISO_ONLY, digits_of
from vocabulary.errors import NotAllowed, SettingsInvalid, Unavailable
from vocabulary.money import text_from_minor

#: Callbacks per player when the number of players is not given.
CALLBACKS_PER_PLAYER = 40
#: Longest wait for something to listen at the URL, in seconds.
LISTENING_WAIT_S = 5.0


def simulate(
    ctx: typer.Context,
    *,
    count: Annotated[int, typer.Option(min=0, help="Callbacks to deliver.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Decides all that is sent.")] = 1,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Callbacks per second.")] = None,
    connections: Annotated[int, typer.Option(min=1, max=1024, help="Calls at once.")] = 16,
    players: Annotated[int | None, typer.Option(min=1, help="Players taking part.")] = None,
    url: Annotated[str | None, typer.Option(help="Receiver's URL; else as configured.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Write every answer here.")] = None,
    faults: Annotated[int, typer.Option(min=0, help="History rounds to falsify.")] = 0,
    history: Annotated[
        bool, typer.Option(help="Push the history where a provider pushes it.")
    ] = True,
    statements: Annotated[
        Path | None, typer.Option(help="Folder for the history that comes as files.")
    ] = None,
    serve_api: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Afterwards serve their APIs at this port."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play the provider's side against a receiver: faulty callbacks, then the history.

    A seed gives one simulation: it is part of player names and ids. Exit 1 when any answer
    differs from the expected one.
    """
    context = context_of(ctx)
    target, currency = _target(context, url)
    if context.settings.mode == "production":
        raise NotAllowed(
            'simulate plays invented players and money, and mode is "production": nothing was'
            ' sent. Simulate with mode = "test" or "demo" and books of their own'
        )
    plan = make_plan(
        seed=seed,
        callbacks=count,
        players=players or 1 + count // CALLBACKS_PER_PLAYER,
        systems=tuple(target.providers),
        currency=currency,
    )
    _wait_listening(target.url)
    _import_players(context, plan, target.slugs)
    pace = Pace(connections=connections, rate=rate, patience=PATIENCE)
    files = _files(target, statements)
    options = CampaignOptions(faults=faults, history=history, statements=files, journal=journal)
    with progress_bars() as announce:
        run = run_campaign(plan, target, pace, options, clock=SystemClock(), announce=announce)
        campaign = uvloop.run(run)
    document = _document(plan, target, campaign, files)
    _print(document, as_json=as_json)
    if serve_api is not None:
        uvloop.run(_serve_apis(plan, campaign, serve_api))
    raise typer.Exit(0 if campaign.as_expected else 1)


async def _serve_apis(plan: Plan, campaign: Campaign, port: int) -> None:
    """Serve each system's API with the history that was played, until a signal."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(plan.systems, port, plan.seed) as served:
        served.remember(campaign.history, campaign.span)
        for system, url in served.urls.items():
            typer.echo(f"{system.name}: {url}", err=True)
        await stop.wait()


def _target(context: Context, url: str | None) -> tuple[ReceiverTarget, str]:
    """Where the first configured provider of each simulated system calls, and its currency."""
    settings = context.settings
    first: dict[str, Configuration] = {}
    for entry in configured(settings).values():
        if entry.dialect.name in SYSTEMS:
            first.setdefault(entry.dialect.name, configuration_of(entry))
    if not first:
        dialects = " or ".join(SYSTEMS)
        raise SettingsInvalid([f"providers: one with the dialect {dialects} is expected"])
    target = ReceiverTarget(
        url=url or f"http://{settings.receiver.host}:{settings.receiver.port}",
        providers={SYSTEMS[name]: first[name] for name in sorted(first)},
    )
    return target, next(iter(first.values())).currency


def _files(target: ReceiverTarget, folder: Path | None) -> dict[System, Path]:
    """Where each system with statements writes its file: named by its slug."""
    if folder is None:
        return {}
    return {
        system: folder / f"{provider.slug}{system.statement.suffix}"
        for system, provider in target.providers.items()
        if system.statement is not None
    }


def _wait_listening(url: str) -> None:
    """Fail before players are imported if nothing listens at the URL."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    try:
        socket.create_connection(address, timeout=LISTENING_WAIT_S).close()
    except OSError as error:
        raise Unavailable(f"no receiver listens at {url}; `tieout up` starts one") from error


def _import_players(context: Context, plan: Plan, slugs: Mapping[Side, str]) -> None:
    file = io.StringIO(newline="")
    write_roster(file, plan.players, slugs)
    file.seek(0)
    with engine_at(endpoints(context).database_url) as engine:
        import_players(engine, read_players(file, context.settings.exponents))


def _document(
    plan: Plan, target: ReceiverTarget, campaign: Campaign, files: Mapping[System, Path]
) -> dict[str, Any]:
    summary = campaign.summary
    seconds = (campaign.ended - campaign.began).total_seconds()
    return {
        "seed": plan.seed,
        "url": target.url,
        "window": {"from": campaign.began.isoformat(), "to": campaign.ended.isoformat()},
        "players": len(plan.players),
        "callbacks": summary.callbacks,
        "sends": summary.sends,
        "accepted": summary.accepted,
        "declined": summary.declined,
        "repeated": summary.repeated,
        "conflicts": summary.conflicts,
        "refused": summary.refused,
        "balances": summary.balances,
        "closing_balances": campaign.closing.balances,
        "mismatched": summary.mismatched + campaign.closing.mismatched,
        "mismatches": [
            asdict(mismatch) for mismatch in (*summary.mismatches, *campaign.closing.mismatches)
        ],
        "seconds": round(seconds, 3),
        "per_second": round(summary.callbacks / seconds) if seconds else 0,
        "p50_ms": round(summary.percentile_ms(50), 2),
        "p99_ms": round(summary.percentile_ms(99), 2),
        "history": {
            "records": campaign.pushed,
            "unacknowledged": campaign.unacknowledged,
            "statements": {
                target.slugs[system]: {"file": files[system].name, "lines": lines}
                for system, lines in campaign.statement_lines.items()
            },
        },
        "faults": [_fault(fault, target.slugs) for fault in campaign.faults],
    }


def _fault(fault: InjectedFault, slugs: Mapping[Side, str]) -> dict[str, str]:
    return {
        "provider": slugs[fault.side],
        "kind": fault.kind.value,
        "round_id": fault.round_id,
        "player": fault.player,
        "currency": fault.currency,
        "difference": text_from_minor(fault.difference, digits_of(fault.currency, ISO_ONLY)),
    }


def _print(document: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document, indent=2)
        return
    table = Table(title=f"simulation {document['seed']} against {document['url']}")
    table.add_column("what")
    table.add_column("figure", justify="right")
    for name in _SHOWN:
        table.add_row(name.replace("_", " "), f"{document[name]:,}")
    table.add_row("history records", f"{document['history']['records']:,}")
    for slug, statement in document["history"]["statements"].items():
        table.add_row(f"{slug} statement lines", f"{statement['lines']:,}")
    table.add_row("faults injected", f"{len(document['faults']):,}")
    print_table(table)
    for mismatch in document["mismatches"]:
        place = f"{mismatch['side']} {mismatch['key'] or 'balance'}"
        answer = f"expected {mismatch['expected']}, saw {mismatch['seen']}"
        typer.echo(f"{place}: {answer} ({mismatch['why']})")


_SHOWN = (
    "players",
    "callbacks",
    "sends",
    "accepted",
    "declined",
    "repeated",
    "conflicts",
    "refused",
    "balances",
    "closing_balances",
    "mismatched",
    "seconds",
    "per_second",
    "p50_ms",
    "p99_ms",
)
