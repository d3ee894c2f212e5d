"""``tieout breaks propose|approve|reject``: corrections of a break under four eyes."""

from typing import Annotated, Literal

import typer

from breaks import corrections
from breaks.corrections import Correction
from breaks.queries import break_history
from breaks.store import TrackedBreak
from ops.commands.breaks.desk import breaks_of
from ops.commands.breaks.output import show_lives
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, BreakId, By, Reason
from ops.context import current
from ops.settings.break_terms import exponents_of, limits_of
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.money import Money

SideOption = Annotated[
    str | None,
    typer.Option(help="stake or payout of the round; none: the adjustment account."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the group."""
    for command in (propose, approve, reject):
        app.command()(command)


def propose(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    by: By,
    reason: Reason,
    amount: Annotated[
        str | None, typer.Option(help="Instead of what follows from the break: to the player.")
    ] = None,
    side: SideOption = None,
    as_json: AsJson = False,
) -> None:
    """Propose what makes our round agree; another person approves it."""
    if side not in {None, "stake", "payout"} or (side is not None and amount is None):
        raise Malformed("--side", "stake or payout, with an --amount, is expected")
    settings = current(ctx).settings
    with breaks_of(ctx) as engine:
        life = break_history(engine, break_id).break_
        ids = corrections.propose(
            engine,
            break_id,
            by=by,
            reason=reason,
            now=SystemClock().now(),
            named=None if amount is None else _named(life, amount, side),
            exponents=exponents_of(settings, life.provider),
        )
    if as_json:
        print_json(ids)
    else:
        typer.echo("\n".join(ids))


def approve(ctx: typer.Context, break_id: BreakId, *, by: By, as_json: AsJson = False) -> None:
    """Approve another person's corrections and book them; repeating completes what is left."""
    settings = current(ctx).settings
    with breaks_of(ctx) as engine:
        done = corrections.approve(
            engine, break_id, by=by, clock=SystemClock(), limits=limits_of(settings)
        )
    show_lives([done], settings, as_json=as_json)


def reject(
    ctx: typer.Context, break_id: BreakId, *, by: By, reason: Reason, as_json: AsJson = False
) -> None:
    """Reject another person's corrections; nothing is booked."""
    with breaks_of(ctx) as engine:
        done = corrections.reject(
            engine, break_id, by=by, reason=reason, now=SystemClock().now()
        )
    show_lives([done], current(ctx).settings, as_json=as_json)


def _named(life: TrackedBreak, amount: str, side: str | None) -> Correction:
    sides: dict[str | None, Literal["stake", "payout"] | None]
    sides = {None: None, "stake": "stake", "payout": "payout"}
    return Correction(amount=Money.parse(amount, life.currency).minor, side=sides[side])
