"""``tieout breaks propose|write-off|approve|reject``: corrections under four eyes."""

from typing import Annotated, Literal

import typer
from sqlalchemy import Engine

from breaks.corrections import proposals
from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import Source
from breaks.states import BreakState
from breaks.store import TrackedBreak, read_break
from breaks.write_offs import approve_write_off, propose_write_off, reject_write_off
from ops.commands.breaks.next_run import commands_after_booking
from ops.commands.breaks.output import print_breaks
from ops.commands.breaks.targets import on_break
from ops.commands.breaks.trial import trial_lines
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.limits import limits_in_force
from ops.commands.next_commands import print_next, print_next_for_another
from ops.commands.options import AsJson, By, Reason
from ops.context import context_of, database_url
from ops.providers.book_trials import book_trials
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.money import Money
from vocabulary.people import Right

_SIDES: dict[str | None, Literal["stake", "payout"] | None] = {
    None: None,
    "stake": "stake",
    "payout": "payout",
}
#: Digits of an id in a command to type.
_ID_CHARS = 12


@on_break
def propose(
    ctx: typer.Context,
    *,
    break_id: str,
    by: By = None,
    reason: Reason,
    amount: Annotated[
        str | None,
        typer.Option(help="To the player, instead of the amount that follows from the break."),
    ] = None,
    side: Annotated[
        str | None,
        typer.Option(help="stake or payout of the round; without it the adjustment account."),
    ] = None,
    overrule: Annotated[
        list[Source] | None,
        typer.Option(
            help="A source that is wrong where it contradicts the correction; may be repeated."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try the corrections that make our round agree, and propose them to another person."""
    if side not in _SIDES or (side is not None and amount is None):
        raise Malformed("--side", "stake or payout, with an --amount, is expected")
    engine, name = open_books_as(ctx, by, Right.PROPOSE)
    settings = context_of(ctx).settings
    with refusals():
        break_ = read_break(engine, break_id)
        ids = proposals.propose(
            engine,
            break_id,
            by=name,
            reason=reason,
            now=SystemClock().now(),
            try_corrections=book_trials(settings, database_url(context_of(ctx))),
            named=None if amount is None else _correction(break_, amount, side, settings),
            overruled=frozenset(overrule or ()),
            exponents=exponents_of(settings, break_.provider),
        )
        proposed = read_break(engine, break_id)
    if as_json:
        print_json(ids)
        return
    typer.echo("\n".join(ids))
    for line in trial_lines(proposed):
        typer.echo(line)
    print_next_for_another(f"tieout breaks approve {break_id[:_ID_CHARS]}")


@on_break
def write_off(
    ctx: typer.Context,
    *,
    break_id: str,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Propose to accept a difference with the provider; another person approves it."""
    engine, person = open_books_as(ctx, by, Right.WRITE_OFF)
    with refusals():
        name = propose_write_off(
            engine, break_id, by=person, reason=reason, now=SystemClock().now()
        )
    if as_json:
        print_json([name])
    else:
        typer.echo(name)
        print_next_for_another(f"tieout breaks approve {break_id[:_ID_CHARS]}")


@on_break
def approve(
    ctx: typer.Context, *, break_id: str, by: By = None, as_json: AsJson = False
) -> None:
    """Approve and book another person's corrections or write-off; repeating finishes it."""
    settings = context_of(ctx).settings
    engine, name = open_books_as(ctx, by, Right.DECIDE)
    limits = limits_in_force(engine, settings, by=name).write_offs
    with refusals():
        proposed = read_break(engine, break_id)
        if proposed.state is BreakState.WRITE_OFF_PROPOSED:
            now = SystemClock().now()
            break_ = approve_write_off(engine, break_id, by=name, now=now, limits=limits)
        else:
            break_ = proposals.approve(
                engine,
                break_id,
                by=name,
                clock=SystemClock(),
                try_corrections=book_trials(settings, database_url(context_of(ctx))),
                limits=limits,
                exponents=exponents_of(settings, proposed.provider),
            )
    print_breaks([break_], settings, as_json=as_json)
    if not as_json and break_.state is BreakState.POSTED:
        print_next(*commands_after_booking([break_], settings))


@on_break
def reject(
    ctx: typer.Context,
    *,
    break_id: str,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Reject another person's corrections or write-off; nothing is booked."""
    engine, name = open_books_as(ctx, by, Right.DECIDE)
    with refusals():
        reject_it = reject_write_off if _has_write_off(engine, break_id) else proposals.reject
        break_ = reject_it(engine, break_id, by=name, reason=reason, now=SystemClock().now())
    print_breaks([break_], context_of(ctx).settings, as_json=as_json)


def _has_write_off(engine: Engine, break_id: str) -> bool:
    """Whether a write-off of the break is proposed."""
    break_ = read_break(engine, break_id)
    return break_.state is BreakState.WRITE_OFF_PROPOSED


def _correction(
    break_: TrackedBreak, amount: str, side: str | None, settings: Settings
) -> Correction:
    exponents = exponents_of(settings, break_.provider)
    money = Money.parse(amount, break_.currency, exponents=exponents)
    return Correction(amount=money.minor, side=_SIDES[side])
