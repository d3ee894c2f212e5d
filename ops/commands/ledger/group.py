"""``tieout ledger``: look into the books, move money by hand, prove everything."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.json_output import print_json
from ops.commands.ledger import accounts, adjust, residuals
from ops.commands.ledger.output import instant, positive, read_day, read_instant, table, text
from ops.commands.ledger.proofs import register
from ops.commands.options import AsJson, Currency, OrderReason, Player
from ops.context import current, endpoints
from vocabulary.errors import Malformed
from vocabulary.facts import Fund

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ledger.queries.balances import StatementLine
    from ledger.queries.provider_days import ProviderDay

app = typer.Typer(no_args_is_help=True, add_completion=False)


class ClockChoice(StrEnum):
    """Which of our own instants counts."""

    RECEIVED = "received"
    POSTED = "posted"


class DepositAs(StrEnum):
    """Whose money a deposit is."""

    CASH = "cash"
    BONUS = "bonus"
    PROMO = "promo"
    JACKPOT = "jackpot"


AmountOption = Annotated[str, typer.Option(help="A positive decimal amount, such as 12.50.")]
OrderKey = Annotated[
    str | None, typer.Option("--key", help="Your own key: repeating it moves nothing twice.")
]
ByClock = Annotated[
    ClockChoice,
    typer.Option("--by", help="Count what was received, or what was posted, by then."),
]


@app.command()
def balance(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    at: Annotated[
        str | None, typer.Option(help="As of an instant, such as 2026-06-04T12:00:00Z.")
    ] = None,
    by: ByClock = ClockChoice.RECEIVED,
    as_json: AsJson = False,
) -> None:
    """What a player has now, or had at an instant."""
    from ledger.queries.balances import balance_of  # noqa: PLC0415 - heavy

    if at is not None:
        _balance_at(_engine(ctx), player, currency, at, by=by, as_json=as_json)
        return
    found = balance_of(_engine(ctx), player=player, currency=currency)
    if found is None:
        raise _no_wallet(player, currency)
    amount = text(found.balance, found.currency)
    if as_json:
        seen = {"player": found.player, "currency": found.currency, "balance": amount}
        print_json({**seen, "seq": found.seq})
        return
    blocked = ", bets blocked" if found.blocked else ""
    typer.echo(f"{found.player}: {amount} {found.currency} (seq {found.seq}{blocked})")


def _balance_at(
    engine: "Engine", player: str, currency: str, at: str, *, by: ClockChoice, as_json: bool
) -> None:
    from ledger.queries.checkpoints import balance_at  # noqa: PLC0415 - heavy

    moment = read_instant(at, "--at")
    found = balance_at(engine, player=player, currency=currency, at=moment, by=by.value)
    if found is None:
        raise _no_wallet(player, currency)
    amount = text(found.balance, found.currency)
    if as_json:
        seen = {"player": found.player, "currency": found.currency, "balance": amount}
        since = {"at": moment, "by": by, "checkpoint": found.checkpoint}
        print_json({**seen, **since})
        return
    typer.echo(f"{player}: {amount} {currency} {by} by {instant(moment)}")


@app.command()
def statement(
    ctx: typer.Context,
    *,
    player: Annotated[str | None, typer.Option(help="A player's operations.")] = None,
    currency: Annotated[str | None, typer.Option(help="With --player: the wallet's.")] = None,
    provider: Annotated[str | None, typer.Option(help="Or a provider's days.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="With --provider: a day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="With --provider: a day.")] = None,
    by: ByClock = ClockChoice.RECEIVED,
    after: Annotated[int, typer.Option(help="Only what follows this seq.")] = 0,
    most: Annotated[int, typer.Option(help="At most this many lines.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """A wallet's operations in chain order, or a provider's days."""
    if provider is not None and player is None:
        _provider_days(ctx, provider, first, last, by=by, as_json=as_json)
    elif player is not None and currency is not None and provider is None:
        _wallet_lines(ctx, player, currency, after=after, most=most, as_json=as_json)
    else:
        raise Malformed("statement", "--player with --currency, or --provider, is expected")


def _wallet_lines(
    ctx: typer.Context, player: str, currency: str, *, after: int, most: int, as_json: bool
) -> None:
    from ledger.queries.balances import statement_of  # noqa: PLC0415 - heavy

    lines = statement_of(
        _engine(ctx), player=player, currency=currency, after_seq=after, limit=most
    )
    if as_json:
        print_json([_line(line, currency) for line in lines])
        return
    table(
        ["seq", "received", "provider", "kind", "decision", "round", "amount", "balance"],
        (
            [
                *(str(line.seq), line.received_at.isoformat(timespec="milliseconds")),
                *(line.provider, line.kind, line.decision, line.round_id),
                *(text(line.amount, currency), text(line.balance_after, currency)),
            ]
            for line in lines
        ),
    )


def _provider_days(
    ctx: typer.Context,
    provider: str,
    first: str | None,
    last: str | None,
    *,
    by: ClockChoice,
    as_json: bool,
) -> None:
    from ledger.queries.provider_days import provider_days  # noqa: PLC0415 - heavy
    from ops.commands.provider import entry_named  # noqa: PLC0415

    entry = entry_named(current(ctx).settings, provider)
    days = provider_days(
        _engine(ctx),
        provider=provider,
        first=read_day(first, "--from"),
        last=read_day(last, "--to"),
        zone=entry.timezone,
        by=by.value,
    )
    lines = [_day(day) for day in days]
    if as_json:
        told = {"provider": provider, "timezone": entry.timezone, "by": by, "days": lines}
        print_json(told)
        return
    columns = ["day", "currency", "stake", "payout", "rollbacks", "adjustments", "funds"]
    columns += ["ggr", "difference", "clearing"]
    table(columns, ([str(line[column]) for column in columns] for line in lines))


@app.command("trial-balance")
def trial_balance(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Every account's total; exit 1 unless each currency sums to zero."""
    from ledger.queries.balances import trial_balance as totals  # noqa: PLC0415 - heavy

    lines = totals(_engine(ctx))
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.amount
    rows = [
        [line.account, line.provider, line.currency, text(line.amount, line.currency)]
        for line in lines
    ]
    if as_json:
        columns = ("account", "provider", "currency", "amount")
        accounts = [dict(zip(columns, row, strict=True)) for row in rows]
        totals_text = {code: text(minor, code) for code, minor in sums.items()}
        print_json({"accounts": accounts, "sums": totals_text})
    else:
        table(["account", "provider", "currency", "amount"], rows)
    raise typer.Exit(1 if any(sums.values()) else 0)


@app.command()
def deposit(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: AmountOption,
    reason: OrderReason,
    fund: Annotated[
        DepositAs, typer.Option("--as", help="Whose money: cash from outside, or a fund.")
    ] = DepositAs.CASH,
    key: OrderKey = None,
) -> None:
    """Put money into a wallet."""
    from ledger.accepting.own_operations import Deposit  # noqa: PLC0415 - heavy
    from ops.commands.wallet_orders import carry_out, fresh_key  # noqa: PLC0415

    order = Deposit(
        key=key or fresh_key("deposit"),
        handle=player,
        amount=positive(amount, currency),
        reason=reason,
        fund=Fund(fund.value),
    )
    typer.echo(carry_out(current(ctx), order).answer.body.decode())


@app.command()
def withdraw(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: AmountOption,
    reason: OrderReason,
    key: OrderKey = None,
) -> None:
    """Take money out of a wallet, if it is there."""
    from ledger.accepting.own_operations import Withdrawal  # noqa: PLC0415 - heavy
    from ops.commands.wallet_orders import carry_out, fresh_key  # noqa: PLC0415

    order = Withdrawal(
        key=key or fresh_key("withdrawal"),
        handle=player,
        amount=positive(amount, currency),
        reason=reason,
    )
    typer.echo(carry_out(current(ctx), order).answer.body.decode())


register(app)
accounts.register(app)
residuals.register(app)
app.add_typer(adjust.app, name="adjust")


def _engine(ctx: typer.Context) -> "Engine":
    from storage.engine import open_engine  # noqa: PLC0415 - heavy

    return open_engine(endpoints(current(ctx)).database_url)


def _no_wallet(player: str, currency: str) -> typer.Exit:
    typer.echo(f"no wallet of {player} in {currency}", err=True)
    return typer.Exit(1)


def _day(day: "ProviderDay") -> dict[str, object]:
    moved = ("stake", "payout", "rollbacks", "adjustments", "funds")
    held = ("ggr", "difference", "clearing")
    told = {name: text(getattr(day, name), day.currency) for name in (*moved, *held)}
    seen = {"day": day.day, "currency": day.currency}
    return {**seen, **told, "operations": day.operations}


def _line(line: "StatementLine", currency: str) -> dict[str, object]:
    return {
        "transaction_id": line.transaction,
        "seq": line.seq,
        "provider": line.provider,
        "kind": line.kind,
        "decision": line.decision,
        "reason": line.reason,
        "round_id": line.round_id,
        "op_key": line.op_key,
        "amount": text(line.amount, currency),
        "balance_after": text(line.balance_after, currency),
        "occurred_at": line.occurred_at,
        "received_at": line.received_at,
        "posted_at": line.posted_at,
    }
