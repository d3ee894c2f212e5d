"""``tieout provider conformance``: play every scenario against a running receiver."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.context import Context, current

if TYPE_CHECKING:
    from simulator.conformance.scenario import ScenarioResult
    from simulator.conformance.target import ConformancePlayer, ConformanceTarget, LedgerHooks

#: Columns of the table where no terminal says how wide it is.
WIDTH = 160


def conformance(
    ctx: typer.Context,
    slug: Annotated[str, typer.Argument(help="The provider's slug.")],
    *,
    url: Annotated[str | None, typer.Option(help="Receiver; else as configured.")] = None,
    players: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Play with these; else with new ones."),
    ] = None,
    imports: Annotated[
        bool,
        typer.Option("--import/--no-import", help="Import the players into our own books."),
    ] = True,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Names players and ids; else from the clock.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play every scenario of the provider's protocol and print what failed.

    Exit 0 when all that apply passed, 1 when one failed, 3 when no receiver listens.
    """
    from ops.commands.conformance_hooks import must_listen, target_of  # noqa: PLC0415 - heavy

    context = current(ctx)
    if players is None and not imports:
        raise typer.BadParameter("--no-import needs --players: who is known over there?")
    target = target_of(_entry(context, slug))
    settings = context.settings.receiver
    receiver = url or f"http://{settings.host}:{settings.port}"
    must_listen(receiver)
    number = _from_clock() if seed is None else seed
    results = _examined(context, target, receiver, players, number, imports=imports)
    report = _report(target, receiver, number, results)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _print(report)
    raise typer.Exit(1 if report["failed"] else 0)


def _entry(context: Context, slug: str) -> Any:
    from ops.providers.configured import configured  # noqa: PLC0415 - heavy

    providers = configured(context.settings)
    if slug not in providers:
        known = ", ".join(providers) or "none"
        raise typer.BadParameter(f"no provider is called {slug}; configured: {known}")
    return providers[slug]


def _from_clock() -> int:
    from vocabulary.clock import SystemClock  # noqa: PLC0415

    return int(SystemClock().now().timestamp() * 1000)


def _examined(
    context: Context,
    target: "ConformanceTarget",
    url: str,
    players: Path | None,
    seed: int,
    *,
    imports: bool,
) -> "list[ScenarioResult]":
    from ops.commands.conformance_hooks import our_ledger, players_of, roster  # noqa: PLC0415 - heavy
    from simulator.conformance.target import NO_HOOKS  # noqa: PLC0415

    text = players.read_text("utf-8-sig") if players else roster(target, seed)
    test_players = players_of(text, target)
    if not imports:
        return _played(url, target, NO_HOOKS, test_players, seed)
    with our_ledger(context, text, target) as hooks:
        return _played(url, target, hooks, test_players, seed)


def _played(
    url: str,
    target: "ConformanceTarget",
    hooks: "LedgerHooks",
    players: "list[ConformancePlayer]",
    seed: int,
) -> "list[ScenarioResult]":
    import uvloop  # noqa: PLC0415 - heavy

    from simulator.conformance.runner import examine  # noqa: PLC0415

    async def everything() -> "list[ScenarioResult]":
        results = examine(url, target, hooks, players, run=f"c{seed}")
        return [result async for result in results]

    return uvloop.run(everything())


def _report(
    target: "ConformanceTarget", url: str, seed: int, results: "list[ScenarioResult]"
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
    """One row a scenario; of a played one the last step, which is the one that failed."""
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

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
