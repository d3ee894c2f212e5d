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
    from ops.commands.conformance_hooks import must_listen, subject_of  # noqa: PLC0415 - heavy

    context = current(ctx)
    if players is None and not imports:
        raise typer.BadParameter("--no-import needs --players: who is known over there?")
    subject = subject_of(_entry(context, slug))
    settings = context.settings.receiver
    receiver = url or f"http://{settings.host}:{settings.port}"
    must_listen(receiver)
    number = _from_clock() if seed is None else seed
    findings = _examined(context, subject, receiver, players, number, imports=imports)
    told = _told(subject, receiver, number, findings)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _print(told)
    raise typer.Exit(1 if told["failed"] else 0)


def _entry(context: Context, slug: str) -> Any:
    from ops.providers.configured import configured  # noqa: PLC0415 - heavy

    found = configured(context.settings)
    if slug not in found:
        known = ", ".join(found) or "none"
        raise typer.BadParameter(f"no provider is called {slug}; configured: {known}")
    return found[slug]


def _from_clock() -> int:
    from vocabulary.clock import SystemClock  # noqa: PLC0415

    return int(SystemClock().now().timestamp() * 1000)


def _examined(
    context: Context,
    subject: "ConformanceTarget",
    url: str,
    players: Path | None,
    seed: int,
    *,
    imports: bool,
) -> "list[ScenarioResult]":
    from ops.commands.conformance_hooks import guests_of, our_books, roster  # noqa: PLC0415 - heavy
    from simulator.conformance.target import NO_HOOKS  # noqa: PLC0415

    text = players.read_text("utf-8-sig") if players else roster(subject, seed)
    guests = guests_of(text, subject)
    if not imports:
        return _played(url, subject, NO_HOOKS, guests, seed)
    with our_books(context, text, subject) as hooks:
        return _played(url, subject, hooks, guests, seed)


def _played(
    url: str,
    subject: "ConformanceTarget",
    hooks: "LedgerHooks",
    guests: "list[ConformancePlayer]",
    seed: int,
) -> "list[ScenarioResult]":
    import uvloop  # noqa: PLC0415 - heavy

    from simulator.conformance.runner import examine  # noqa: PLC0415

    async def everything() -> "list[ScenarioResult]":
        return [one async for one in examine(url, subject, hooks, guests, run=f"c{seed}")]

    return uvloop.run(everything())


def _told(
    subject: "ConformanceTarget", url: str, seed: int, findings: "list[ScenarioResult]"
) -> dict[str, Any]:
    results = [one.result.value for one in findings]
    return {
        "provider": subject.slug,
        "dialect": subject.side.value,
        "url": url,
        "seed": seed,
        "passed": results.count("passed"),
        "failed": results.count("failed"),
        "not_applicable": results.count("not applicable"),
        "scenarios": [_scenario(one) for one in findings],
    }


def _scenario(finding: "ScenarioResult") -> dict[str, Any]:
    return {
        "name": finding.scenario.name,
        "says": finding.scenario.says,
        "result": finding.result.value,
        "reason": finding.reason,
        "steps": [
            {
                "sent": step.sent,
                "expected": step.expected,
                "seen": step.seen,
                "passed": step.passed,
            }
            for step in finding.steps
        ],
    }


def _print(told: dict[str, Any]) -> None:
    """One row a scenario; of a played one the last step, which is the one that failed."""
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=f"{told['provider']} ({told['dialect']}) at {told['url']}")
    for column in ("scenario", "result", "steps", "sent", "expected", "seen"):
        table.add_column(column, no_wrap=column in {"scenario", "result"}, overflow="fold")
    for one in told["scenarios"]:
        steps = one["steps"]
        last = steps[-1] if steps else {"sent": one["reason"], "expected": "", "seen": ""}
        shown = (last["sent"], last["expected"], last["seen"])
        cells = (one["name"], one["result"], str(len(steps) or ""), *shown)
        table.add_row(*map(Text, cells))
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(table)
    typer.echo(
        f"{told['passed']} passed, {told['failed']} failed,"
        f" {told['not_applicable']} not applicable; seed {told['seed']}"
    )
