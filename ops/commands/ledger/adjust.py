"""``tieout ledger adjust``: corrections by hand, under four eyes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.json_output import print_json
from ops.commands.ledger.output import table, text
from ops.commands.options import AsJson, By, Currency, Player, Reason
from ops.context import current, endpoints
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.facts import Fund
from vocabulary.money import Money

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ledger.accepting.own_operations import InRound
    from ledger.corrections.adjustments import Adjustment

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Correct the books by hand: one person proposes, another approves.",
)

Proposal = Annotated[str, typer.Argument(help="The proposal's id, adj-….")]


@app.command()
def propose(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: Annotated[str, typer.Option(help="To the player; negative takes it back.")],
    by: By,
    reason: Reason,
    break_id: Annotated[
        str | None, typer.Option("--break", help="The break that it repairs.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="With --round: whose round it corrects.")
    ] = None,
    round_id: Annotated[str | None, typer.Option("--round", help="The round's id.")] = None,
    side: Annotated[
        str, typer.Option(help="What of the round it corrects: stake or payout.")
    ] = "payout",
    fund: Annotated[
        Fund, typer.Option(help="Against which account, where it is not a plain adjustment.")
    ] = Fund.CASH,
) -> None:
    """Propose a correction; prints its id."""
    from ledger.corrections import adjustments  # noqa: PLC0415 - heavy

    within = _within(ctx, provider, round_id, side)
    with _refusals():
        _refuse_break(ctx, break_id, "tieout breaks propose")
        proposal = adjustments.propose(
            _engine(ctx),
            player=player,
            currency=currency,
            amount=Money.parse(amount, currency),
            reason=reason,
            by=by,
            now=SystemClock().now(),
            break_id=break_id,
            within=within,
            fund=fund,
        )
    typer.echo(proposal)


@app.command()
def approve(ctx: typer.Context, proposal: Proposal, *, by: By, as_json: AsJson = False) -> None:
    """Approve another person's proposal and book it; repeating completes what was cut off."""
    from ledger.corrections import adjustments  # noqa: PLC0415 - heavy
    from ops.settings.break_terms import limits_of  # noqa: PLC0415

    limits, engine = limits_of(current(ctx).settings), _engine(ctx)
    with _refusals():
        found = adjustments.get_adjustment(engine, proposal)
        _refuse_break(ctx, found.break_id, "tieout breaks approve")
        most = {role: each.get(found.currency, 0) for role, each in limits.by_role.items()}
        done = adjustments.approve(
            engine,
            proposal,
            by=by,
            now=SystemClock().now(),
            role=limits.role_of(by),
            limits=most or None,
        )
    _show([done], as_json=as_json)


@app.command()
def reject(
    ctx: typer.Context, proposal: Proposal, *, by: By, reason: Reason, as_json: AsJson = False
) -> None:
    """Reject another person's proposal; nothing is booked."""
    from ledger.corrections import adjustments  # noqa: PLC0415 - heavy

    with _refusals():
        done = adjustments.reject(
            _engine(ctx), proposal, by=by, reason=reason, now=SystemClock().now()
        )
    _show([done], as_json=as_json)


@app.command("list")
def list_all(
    ctx: typer.Context,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is decided and booked.")
    ] = False,
    break_id: Annotated[str | None, typer.Option("--break", help="Only of this break.")] = None,
    as_json: AsJson = False,
) -> None:
    """What waits for a decision, oldest first."""
    from ledger.corrections import adjustments  # noqa: PLC0415 - heavy

    listed = adjustments.all_adjustments if everything else adjustments.pending_adjustments
    _show(listed(_engine(ctx), break_id=break_id), as_json=as_json)


def _engine(ctx: typer.Context) -> "Engine":
    from storage.engine import open_engine  # noqa: PLC0415 - heavy

    engine = open_engine(endpoints(current(ctx)).database_url)
    ctx.call_on_close(engine.dispose)
    return engine


def _refuse_break(ctx: typer.Context, break_id: str | None, instead: str) -> None:
    """What repairs a break takes it along: its state, and all its corrections at once."""
    from breaks.store import break_exists  # noqa: PLC0415
    from ledger.corrections.adjustments import AdjustmentRefused  # noqa: PLC0415 - heavy

    if break_id is not None and break_exists(_engine(ctx), break_id):
        raise AdjustmentRefused(f"it repairs the break {break_id}: {instead} {break_id}")


def _within(
    ctx: typer.Context, provider: str | None, round_id: str | None, side: str
) -> "InRound | None":
    from ledger.accepting.own_operations import InRound  # noqa: PLC0415 - heavy

    if provider is None and round_id is None:
        return None
    known = [entry.slug for entry in current(ctx).settings.providers]
    if provider not in known or not round_id:
        names = ", ".join(known) or "none is configured"
        raise Malformed("--provider", f"a provider with a --round is expected; known: {names}")
    if side == "stake":
        return InRound(provider=provider, round_id=round_id, side="stake")
    if side == "payout":
        return InRound(provider=provider, round_id=round_id, side="payout")
    raise Malformed("--side", "stake or payout is expected")


@contextmanager
def _refusals() -> Iterator[None]:
    """Print why the rules refuse it and exit 1; nothing was changed."""
    from ledger.corrections.adjustments import AdjustmentRefused  # noqa: PLC0415 - heavy

    try:
        yield
    except AdjustmentRefused as refused:
        typer.echo(f"refused: {refused}", err=True)
        raise typer.Exit(1) from refused


def _show(listed: "list[Adjustment]", *, as_json: bool) -> None:
    if as_json:
        print_json([_told(one) for one in listed])
        return
    table(
        ["id", "state", "player", "amount", "reason", "proposed", "decided", "break"],
        (
            [
                *(one.id, one.state, one.player),
                *(f"{text(one.amount, one.currency)} {one.currency}", one.reason),
                *(one.proposed_by, one.decided_by or "", one.break_id or ""),
            ]
            for one in listed
        ),
    )


def _told(one: "Adjustment") -> dict[str, object]:
    within = one.within
    return {
        "id": one.id,
        "state": one.state,
        "player": one.player,
        "currency": one.currency,
        "amount": text(one.amount, one.currency),
        "reason": one.reason,
        "break_id": one.break_id,
        "provider": within and within.provider,
        "round_id": within and within.round_id,
        "side": within and within.side,
        "fund": one.fund,
        "proposed_by": one.proposed_by,
        "proposed_at": one.proposed_at,
        "decided_by": one.decided_by,
        "decided_at": one.decided_at,
        "decision": one.decision,
        "op_key": one.op_key,
    }
