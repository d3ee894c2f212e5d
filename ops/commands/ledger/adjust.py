"""``tieout ledger adjust``: corrections by hand, under four eyes."""

from collections.abc import Mapping
from typing import Annotated, Literal

import typer
from sqlalchemy import Engine

from breaks.states import BreakState
from breaks.store import break_exists, read_break
from ledger.accepting.own_operations import InRound
from ledger.corrections import adjustments
from ledger.corrections.adjustments import Adjustment, AdjustmentRefused
from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.limits import limits_in_force
from ops.commands.options import AsJson, By, Currency, Player, Reason
from ops.commands.tables import table, text
from ops.context import context_of, own_exponents
from reports.find.short_ids import ShortIdKind, complete_id
from vocabulary.clock import SystemClock
from vocabulary.currencies import Exponents
from vocabulary.errors import Malformed
from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.people import Right

app = typer.Typer(no_args_is_help=True, add_completion=False)

_SIDES: Mapping[str, Literal["stake", "payout"]] = {"stake": "stake", "payout": "payout"}

Proposal = Annotated[str, typer.Argument(help="The proposal's id, adj-…, or its start.")]


@app.command()
def propose(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: Annotated[str, typer.Option(help="To the player; negative takes it back.")],
    by: By = None,
    reason: Reason,
    break_id: Annotated[
        str | None, typer.Option("--break", help="The break that it repairs.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="With --round: whose round it corrects.")
    ] = None,
    round_id: Annotated[str | None, typer.Option("--round", help="The round's id.")] = None,
    side: Annotated[
        str | None,
        typer.Option(help="What of the round it corrects: stake or payout, the default."),
    ] = None,
    fund: Annotated[
        Fund, typer.Option(help="Against which account, where it is not a plain adjustment.")
    ] = Fund.CASH,
) -> None:
    """Propose a correction and print its id."""
    within = _within(ctx, provider, round_id, side)
    engine, name = open_books_as(ctx, by, Right.PROPOSE)
    break_id = _complete_break(engine, break_id)
    with refusals():
        _refuse_break(engine, break_id, "tieout breaks propose")
        proposal = adjustments.propose(
            engine,
            player=player,
            currency=currency,
            amount=Money.parse(amount, currency, exponents=own_exponents(ctx)),
            reason=reason,
            by=name,
            now=SystemClock().now(),
            break_id=break_id,
            within=within,
            fund=fund,
            exponents=own_exponents(ctx),
        )
    typer.echo(proposal)


@app.command()
def approve(
    ctx: typer.Context, proposal: Proposal, *, by: By = None, as_json: AsJson = False
) -> None:
    """Approve another person's proposal and book it; repeat it to finish a partial booking."""
    engine, name = open_books_as(ctx, by, Right.DECIDE)
    limits = limits_in_force(engine, context_of(ctx).settings, by=name).write_offs
    proposal = complete_id(engine, ShortIdKind.ADJUSTMENT, proposal)
    with refusals():
        adjustment = adjustments.get_adjustment(engine, proposal)
        _refuse_break(engine, adjustment.break_id, "tieout breaks approve")
        approvable = {
            role: amounts.get(adjustment.currency, 0)
            for role, amounts in limits.by_role.items()
        }
        booked = adjustments.approve(
            engine,
            proposal,
            by=name,
            now=SystemClock().now(),
            role=limits.role_of(name),
            limits=approvable or None,
            exponents=own_exponents(ctx),
        )
    _print([booked], own_exponents(ctx), as_json=as_json)


@app.command()
def reject(
    ctx: typer.Context,
    proposal: Proposal,
    *,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Reject another person's proposal; nothing is booked."""
    engine, name = open_books_as(ctx, by, Right.DECIDE)
    proposal = complete_id(engine, ShortIdKind.ADJUSTMENT, proposal)
    with refusals():
        adjustment = adjustments.get_adjustment(engine, proposal)
        if _is_proposed_for_break(engine, adjustment):
            _refuse_break(engine, adjustment.break_id, "tieout breaks reject")
        rejected = adjustments.reject(
            engine, proposal, by=name, reason=reason, now=SystemClock().now()
        )
    _print([rejected], own_exponents(ctx), as_json=as_json)


@app.command("list")
def list_adjustments(
    ctx: typer.Context,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also decided and booked ones.")
    ] = False,
    break_id: Annotated[str | None, typer.Option("--break", help="Only of this break.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the proposals that wait for a decision, oldest first."""
    query = adjustments.all_adjustments if everything else adjustments.pending_adjustments
    engine = open_books(ctx)
    listed = query(engine, break_id=_complete_break(engine, break_id))
    _print(listed, own_exponents(ctx), as_json=as_json)


def _complete_break(engine: Engine, break_id: str | None) -> str | None:
    return None if break_id is None else complete_id(engine, ShortIdKind.BREAK, break_id)


def _refuse_break(engine: Engine, break_id: str | None, instead: str) -> None:
    """Refuse a correction of a break: ``tieout breaks`` also changes the break's state."""
    if break_id is not None and break_exists(engine, break_id):
        raise AdjustmentRefused(f"it belongs to the break {break_id}; use {instead} {break_id}")


def _is_proposed_for_break(engine: Engine, adjustment: Adjustment) -> bool:
    """Whether a break waits for the decision; one that was found later knows nothing of it."""
    break_id = adjustment.break_id
    if break_id is None or not break_exists(engine, break_id):
        return False
    return read_break(engine, break_id).state is BreakState.PROPOSED


def _within(
    ctx: typer.Context, provider: str | None, round_id: str | None, side: str | None
) -> InRound | None:
    if provider is None and round_id is None and side is None:
        return None
    slugs = [entry.slug for entry in context_of(ctx).settings.providers]
    if provider not in slugs or not round_id:
        names = ", ".join(slugs) or "none is configured"
        raise Malformed("--provider", f"a provider with a --round is expected; known: {names}")
    if side is not None and side not in _SIDES:
        raise Malformed("--side", "stake or payout is expected")
    return InRound(provider=provider, round_id=round_id, side=_SIDES[side or "payout"])


def _print(rows: list[Adjustment], exponents: Exponents, *, as_json: bool) -> None:
    if as_json:
        print_json([_adjustment_json(row, exponents) for row in rows])
        return
    table(
        ["id", "state", "player", "amount", "reason", "proposed", "decided", "break"],
        (
            [
                *(row.id, row.state, row.player),
                *(f"{text(row.amount, row.currency, exponents)} {row.currency}", row.reason),
                *(row.proposed_by, row.decided_by or "", row.break_id or ""),
            ]
            for row in rows
        ),
    )


def _adjustment_json(adjustment: Adjustment, exponents: Exponents) -> dict[str, object]:
    within = adjustment.within
    return {
        "id": adjustment.id,
        "state": adjustment.state,
        "player": adjustment.player,
        "currency": adjustment.currency,
        "amount": text(adjustment.amount, adjustment.currency, exponents),
        "reason": adjustment.reason,
        "break_id": adjustment.break_id,
        "provider": within and within.provider,
        "round_id": within and within.round_id,
        "side": within and within.side,
        "fund": adjustment.fund,
        "proposed_by": adjustment.proposed_by,
        "proposed_at": adjustment.proposed_at,
        "decided_by": adjustment.decided_by,
        "decided_at": adjustment.decided_at,
        "decision": adjustment.decision,
        "op_key": adjustment.op_key,
    }
