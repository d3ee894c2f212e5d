"""``tieout ledger accounts|rounds|checkpoint``: the chart, posted rounds, kept balances."""

from dataclasses import asdict
from typing import Annotated

import typer

from ledger.enums import RoundStatus
from ledger.posting.chart import CHART
from ledger.queries.checkpoints import prove_checkpoints, take_checkpoint
from ledger.queries.rounds import Round, rounds_of
from ops.commands.cut_note import note_cut
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.option_values import read_duration, read_passed_instant
from ops.commands.options import AsJson, Limit, ProviderFilter
from ops.commands.provider_choice import check_provider
from ops.commands.tables import instant, table, text
from ops.context import context_of, own_exponents
from vocabulary.clock import SystemClock
from vocabulary.currencies import Exponents


def accounts(*, as_json: AsJson = False) -> None:
    """Show the chart of accounts: the purpose of each and its normal side."""
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
    """List posted rounds, oldest first."""
    check_provider(context_of(ctx).settings, provider)
    now = SystemClock().now()
    engine = open_books(ctx)
    note_cut(engine)
    posted = rounds_of(
        engine,
        status=RoundStatus.OPEN if is_open else None,
        before=None if older_than is None else now - read_duration(older_than, "--older-than"),
        provider=provider,
        limit=most,
    )
    exponents = own_exponents(ctx)
    if as_json:
        print_json([_round_json(round_, exponents) for round_ in posted])
        return
    table(
        ["first received", "provider", "round", "player", "status", "stake", "payout"],
        (
            [
                *(round_.first_at.isoformat(timespec="seconds"), round_.provider),
                *(round_.round_id, round_.player, round_.status),
                text(round_.stake, round_.currency, exponents),
                f"{text(round_.payout, round_.currency, exponents)} {round_.currency}",
            ]
            for round_ in posted
        ),
    )


def checkpoint(
    ctx: typer.Context,
    *,
    instant_text: Annotated[
        str | None, typer.Option("--at", help="An instant that has passed; else now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Store the balance of each moved wallet and prove all stored ones; exit 1 if one fails."""
    now = SystemClock().now()
    as_of = now if instant_text is None else read_passed_instant(instant_text, "--at", now)
    engine = open_books(ctx)
    written = take_checkpoint(engine, at=as_of)
    proof = prove_checkpoints(engine)
    if as_json:
        print_json({"as_of": as_of, "written": written, **asdict(proof)})
    else:
        wrong = f"; {proof.wrong} wrong, first: {proof.first}" if proof.wrong else ""
        typer.echo(f"{written} written as of {instant(as_of)}; {proof.checked} proven{wrong}")
    raise typer.Exit(1 if proof.wrong else 0)


def _round_json(round_: Round, exponents: Exponents) -> dict[str, object]:
    return {
        "provider": round_.provider,
        "round_id": round_.round_id,
        "player": round_.player,
        "currency": round_.currency,
        "status": round_.status,
        "stake": text(round_.stake, round_.currency, exponents),
        "payout": text(round_.payout, round_.currency, exponents),
        "clearing": text(round_.clearing, round_.currency, exponents),
        "bets": round_.bets,
        "wins": round_.wins,
        "rollbacks": round_.rollbacks,
        "first_received_at": round_.first_at,
        "last_received_at": round_.last_at,
    }
