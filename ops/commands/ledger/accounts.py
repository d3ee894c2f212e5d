"""``tieout ledger accounts|rounds|checkpoint``: the chart, the rounds, balances kept."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.json_output import print_json
from ops.commands.ledger.output import instant, read_duration, read_instant, table, text
from ops.commands.options import AsJson, Limit, ProviderFilter
from ops.context import current, endpoints
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed

if TYPE_CHECKING:
    from ledger.queries.rounds import Round


def register(app: typer.Typer) -> None:
    """Add these commands to ``tieout ledger``."""
    for command in (accounts, rounds, checkpoint):
        app.command()(command)


def accounts(ctx: typer.Context, *, as_json: AsJson = False) -> None:  # noqa: ARG001
    """The chart of accounts: what each is for, and on which side it stands."""
    from ledger.posting.chart import CHART  # noqa: PLC0415 - heavy

    lines = list(CHART.values())
    if as_json:
        print_json(lines)
        return
    columns = ["account", "side", "per", "meaning"]
    table(columns, ([line.account, line.side, line.per, line.meaning] for line in lines))


def rounds(
    ctx: typer.Context,
    *,
    is_open: Annotated[bool, typer.Option("--open", help="Only rounds still open.")] = False,
    older_than: Annotated[
        str | None, typer.Option(help="Only rounds that began longer ago, such as 24h.")
    ] = None,
    provider: ProviderFilter = None,
    most: Limit = 1_000,
    as_json: AsJson = False,
) -> None:
    """Rounds as they are posted, oldest first."""
    from ledger.enums import RoundStatus  # noqa: PLC0415 - heavy
    from ledger.queries.rounds import rounds_of  # noqa: PLC0415
    from storage.engine import open_engine  # noqa: PLC0415

    now = SystemClock().now()
    found = rounds_of(
        open_engine(endpoints(current(ctx)).database_url),
        status=RoundStatus.OPEN if is_open else None,
        before=None if older_than is None else now - read_duration(older_than, "--older-than"),
        provider=provider,
        limit=most,
    )
    if as_json:
        print_json([_round(one) for one in found])
        return
    table(
        ["first received", "provider", "round", "player", "status", "stake", "payout"],
        (
            [
                *(one.first_at.isoformat(timespec="seconds"), one.provider, one.round_id),
                *(one.player, one.status.value, text(one.stake, one.currency)),
                f"{text(one.payout, one.currency)} {one.currency}",
            ]
            for one in found
        ),
    )


def checkpoint(
    ctx: typer.Context,
    *,
    at: Annotated[
        str | None, typer.Option(help="An instant that has passed; else this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep every moved wallet's balance, and prove all that were kept; exit 1 if one fails."""
    from ledger.queries.checkpoints import prove_checkpoints, take_checkpoint  # noqa: PLC0415 - heavy
    from storage.engine import open_engine  # noqa: PLC0415

    now = SystemClock().now()
    as_of = now if at is None else read_instant(at, "--at")
    if as_of > now:
        raise Malformed("--at", "an instant that has passed is expected")
    engine = open_engine(endpoints(current(ctx)).database_url)
    written = take_checkpoint(engine, at=as_of)
    proof = prove_checkpoints(engine)
    if as_json:
        told = {"as_of": as_of, "written": written, **asdict(proof)}
        print_json(told)
    else:
        wrong = f"; {proof.wrong} wrong, first: {proof.first}" if proof.wrong else ""
        typer.echo(f"{written} written as of {instant(as_of)}; {proof.checked} proven{wrong}")
    raise typer.Exit(1 if proof.wrong else 0)


def _round(one: "Round") -> dict[str, object]:
    return {
        "provider": one.provider,
        "round_id": one.round_id,
        "player": one.player,
        "currency": one.currency,
        "status": one.status,
        "stake": text(one.stake, one.currency),
        "payout": text(one.payout, one.currency),
        "clearing": text(one.clearing, one.currency),
        "bets": one.bets,
        "wins": one.wins,
        "rollbacks": one.rollbacks,
        "first_received_at": one.first_at,
        "last_received_at": one.last_at,
    }
