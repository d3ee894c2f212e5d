"""``tieout provider conformance``: play every scenario against a running receiver."""

from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, ProviderArgument
from ops.commands.provider.conformance_hooks import (
    our_ledger,
    players_of,
    require_receiver,
    roster,
    target_of,
)
from ops.commands.provider_choice import provider_named
from ops.context import Context, context_of
from simulator.conformance.runner import examine
from simulator.conformance.scenario import ScenarioResult
from simulator.conformance.target import (
    NO_HOOKS,
    ConformancePlayer,
    ConformanceTarget,
    LedgerHooks,
)
from vocabulary.clock import SystemClock

#: Columns of the table where no terminal says how wide it is.
WIDTH = 160


def conformance(
    ctx: typer.Context,
    slug: ProviderArgument,
    *,
    url: Annotated[str | None, typer.Option(help="Receiver's URL; else as configured.")] = None,
    players: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Players file; else new players."),
    ] = None,
    imports: Annotated[
        bool,
        typer.Option("--import/--no-import", help="Import the players into our own books."),
    ] = True,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Part of names and ids; else the time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play every scenario of the provider's protocol and print what failed.

    Exit 0 when all that apply passed, 1 when one failed, 3 when no receiver listens.
    """
    context = context_of(ctx)
    if players is None and not imports:
        raise typer.BadParameter("--no-import needs --players: it plays with players who exist")
    target = target_of(provider_named(context.settings, slug))
    settings = context.settings.receiver
    receiver = url or f"http://{settings.host}:{settings.port}"
    require_receiver(receiver)
    if seed is None:
        seed = int(SystemClock().now().timestamp() * 1000)
    results = _results(context, target, receiver, players, seed, imports=imports)
    report = _report(target, receiver, seed, results)
    if as_json:
        print_json(report, indent=2)
    else:
        _print(report)
    raise typer.Exit(1 if report["failed"] else 0)


def _results(
    context: Context,
    target: ConformanceTarget,
    url: str,
    players: Path | None,
    seed: int,
    *,
    imports: bool,
) -> list[ScenarioResult]:
    text = players.read_text("utf-8-sig") if players else roster(target, seed)
    test_players = players_of(text, target)
    if not imports:
        return _run(url, target, NO_HOOKS, test_players, seed)
    with our_ledger(context, text, target) as hooks:
        return _run(url, target, hooks, test_players, seed)


def _run(
    url: str,
    target: ConformanceTarget,
    hooks: LedgerHooks,
    players: list[ConformancePlayer],
    seed: int,
) -> list[ScenarioResult]:
    async def collect() -> list[ScenarioResult]:
        results = examine(url, target, hooks, players, run=f"c{seed}")
        return [result async for result in results]

    return uvloop.run(collect())


def _report(
    target: ConformanceTarget, url: str, seed: int, results: list[ScenarioResult]
) -> dict[str, Any]:
    outcomes = [result.result.value for result in results]
    return {
        "provider": target.slug,
        "dialect": target.system.name,
        "url": url,
        "seed": seed,
        "passed": outcomes.count("passed"),
        "failed": outcomes.count("failed"),
        "not_applicable": outcomes.count("not applicable"),
        "scenarios": [_scenario(result) for result in results],
    }


def _scenario(result: "ScenarioResult") -> dict[str, Any]:
    return {
        "name": result.scenario.name,
        "says": result.scenario.says,
        "result": result.result.value,
        "reason": result.reason,
        "steps": [
            {
                "sent": step.sent,
                "expected": step.expected,
                "seen": step.seen,
                "passed": step.passed,
            }
            for step in result.steps
        ],
    }


def _print(report: dict[str, Any]) -> None:
    """Print a row per scenario with its last step, which is the one that may have failed."""
    table = Table(title=f"{report['provider']} ({report['dialect']}) at {report['url']}")
    for column in ("scenario", "result", "steps", "sent", "expected", "seen"):
        table.add_column(column, no_wrap=column in {"scenario", "result"}, overflow="fold")
    for scenario in report["scenarios"]:
        steps = scenario["steps"]
        last = steps[-1] if steps else {"sent": scenario["reason"], "expected": "", "seen": ""}
        shown = (last["sent"], last["expected"], last["seen"])
        cells = (scenario["name"], scenario["result"], str(len(steps) or ""), *shown)
        table.add_row(*map(Text, cells))
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(table)
    typer.echo(
        f"{report['passed']} passed, {report['failed']} failed,"
        f" {report['not_applicable']} not applicable; seed {report['seed']}"
    )
