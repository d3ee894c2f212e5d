"""``tieout players block|unblock|exclude|limit``: what a player may bet."""

from typing import Annotated

import typer

from ledger.accepting.model import Decision
from ledger.accepting.own_operations import Exclude, Limit, SetBlocked
from ops.commands.option_values import positive, read_until
from ops.commands.options import By, Currency, OrderReason, Player
from ops.commands.wallet_orders import carry_out_by, fresh_key
from ops.context import own_exponents
from vocabulary.clock import SystemClock


def block(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    by: By = None,
    reason: OrderReason,
) -> None:
    """Refuse the player's bets in one currency; wins and rollbacks are still accepted."""
    _set_blocked(ctx, player, currency, by, reason, blocked=True)


def unblock(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    by: By = None,
    reason: OrderReason,
) -> None:
    """Accept the player's bets in one currency again."""
    _set_blocked(ctx, player, currency, by, reason, blocked=False)


def exclude(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    until: Annotated[str, typer.Option(help="An instant, or a duration from now: 30d.")],
    by: By = None,
    reason: OrderReason,
) -> None:
    """Refuse the player's bets until an instant, which can be moved later but never earlier."""
    order = Exclude(
        key=fresh_key("exclude"),
        handle=player,
        currency=currency,
        until=read_until(until, "--until", SystemClock().now()),
        reason=reason,
    )
    decision = carry_out_by(ctx, order, by=by)
    typer.echo(f"{player} {currency} excluded until {_excluded_until(decision, order)}")


def limit(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    by: By = None,
    reason: OrderReason,
    stake: Annotated[str | None, typer.Option(help="The most that one bet may stake.")] = None,
    turnover: Annotated[str | None, typer.Option(help="The most staked in a day.")] = None,
    loss: Annotated[str | None, typer.Option(help="The most lost in a day.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Lift every limit.")] = False,
) -> None:
    """Limit what a player may stake, turn over and lose in a UTC day; replaces all limits."""
    amounts = {"stake": stake, "turnover": turnover, "loss": loss}
    if lift is any(amount is not None for amount in amounts.values()):
        raise typer.BadParameter("at least one limit is expected, or --lift")
    exponents = own_exponents(ctx)
    limits = {
        name: None
        if amount is None
        else positive(amount, currency, exponents, f"--{name}").minor
        for name, amount in amounts.items()
    }
    order = Limit(
        key=fresh_key("limit"), handle=player, currency=currency, reason=reason, **limits
    )
    carry_out_by(ctx, order, by=by)
    typer.echo(f"{player} {currency} {'limited' if not lift else 'without limits'}")


def _excluded_until(decision: Decision, order: Exclude) -> str:
    """The end of the exclusion that is in force: an earlier one may last longer."""
    restrictions = None if decision.wallet is None else decision.wallet.restrictions
    until = None if restrictions is None else restrictions.until
    return (until or order.until).isoformat()


def _set_blocked(
    ctx: typer.Context,
    player: str,
    currency: str,
    by: str | None,
    reason: str,
    *,
    blocked: bool,
) -> None:
    order = SetBlocked(
        key=fresh_key("block" if blocked else "unblock"),
        handle=player,
        currency=currency,
        blocked=blocked,
        reason=reason,
    )
    carry_out_by(ctx, order, by=by)
    typer.echo(f"{player} {currency} {'blocked' if blocked else 'unblocked'}")
