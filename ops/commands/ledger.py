"""``tieout ledger``: look into the books, move money by hand, prove everything."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.ledger_evidence import register
from ops.context import current, endpoints
from vocabulary.errors import Malformed
from vocabulary.money import Money

if TYPE_CHECKING:
    from ledger.accounts import StatementLine

app = typer.Typer(no_args_is_help=True, add_completion=False)

Player = Annotated[str, typer.Option(help="The player.")]
Currency = Annotated[str, typer.Option(help="The wallet's currency.")]
Amount = Annotated[str, typer.Option(help="A positive decimal amount, such as 12.50.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the operation.")]
OrderKey = Annotated[
    str | None, typer.Option("--key", help="Your own key: repeating it moves nothing twice.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def balance(
    ctx: typer.Context, *, player: Player, currency: Currency, as_json: AsJson = False
) -> None:
    """What a player has now."""
    from ledger.accounts import balance_of  # noqa: PLC0415 - heavy
    from storage.engine import open_engine  # noqa: PLC0415

    found = balance_of(
        open_engine(endpoints(current(ctx)).database_url), player=player, currency=currency
    )
    if found is None:
        typer.echo(f"no wallet of {player} in {currency}", err=True)
        raise typer.Exit(1)
    amount = _text(found.balance, found.currency)
    if as_json:
        seen = {"player": found.player, "currency": found.currency, "balance": amount}
        typer.echo(json.dumps({**seen, "seq": found.seq}))
        return
    blocked = ", bets blocked" if found.blocked else ""
    typer.echo(f"{found.player}: {amount} {found.currency} (seq {found.seq}{blocked})")


@app.command()
def statement(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    after: Annotated[int, typer.Option(help="Only what follows this seq.")] = 0,
    most: Annotated[int, typer.Option(help="At most this many lines.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """A wallet's operations in chain order."""
    from ledger.accounts import statement_of  # noqa: PLC0415 - heavy
    from storage.engine import open_engine  # noqa: PLC0415

    lines = statement_of(
        open_engine(endpoints(current(ctx)).database_url),
        player=player,
        currency=currency,
        after_seq=after,
        most=most,
    )
    if as_json:
        typer.echo(json.dumps([_line(line, currency) for line in lines]))
        return
    _table(
        ["seq", "received", "provider", "kind", "decision", "round", "amount", "balance"],
        (
            [
                *(str(line.seq), line.received_at.isoformat(timespec="milliseconds")),
                *(line.provider, line.kind, line.decision, line.round_id),
                *(_text(line.amount, currency), _text(line.balance_after, currency)),
            ]
            for line in lines
        ),
    )


@app.command("trial-balance")
def trial_balance(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Every account's total; exit 1 unless each currency sums to zero."""
    from ledger.accounts import trial_balance as totals  # noqa: PLC0415 - heavy
    from storage.engine import open_engine  # noqa: PLC0415

    lines = totals(open_engine(endpoints(current(ctx)).database_url))
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.amount
    rows = [
        [line.account, line.provider, line.currency, _text(line.amount, line.currency)]
        for line in lines
    ]
    if as_json:
        columns = ("account", "provider", "currency", "amount")
        accounts = [dict(zip(columns, row, strict=True)) for row in rows]
        totals_text = {code: _text(minor, code) for code, minor in sums.items()}
        typer.echo(json.dumps({"accounts": accounts, "sums": totals_text}))
    else:
        _table(["account", "provider", "currency", "amount"], rows)
    raise typer.Exit(1 if any(sums.values()) else 0)


@app.command()
def deposit(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: Amount,
    reason: Reason,
    key: OrderKey = None,
) -> None:
    """Put money into a wallet."""
    from ledger.orders import Deposit  # noqa: PLC0415 - heavy
    from ops.orders import carry_out, fresh_key  # noqa: PLC0415

    money = _positive(amount, currency)
    order = Deposit(key=key or fresh_key("deposit"), handle=player, amount=money, reason=reason)
    typer.echo(carry_out(current(ctx), order).answer.body.decode())


@app.command()
def withdraw(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: Amount,
    reason: Reason,
    key: OrderKey = None,
) -> None:
    """Take money out of a wallet, if it is there."""
    from ledger.orders import Withdrawal  # noqa: PLC0415 - heavy
    from ops.orders import carry_out, fresh_key  # noqa: PLC0415

    money = _positive(amount, currency)
    order = Withdrawal(
        key=key or fresh_key("withdrawal"), handle=player, amount=money, reason=reason
    )
    typer.echo(carry_out(current(ctx), order).answer.body.decode())


register(app)


def _positive(amount: str, currency: str) -> Money:
    money = Money.parse(amount, currency)
    if money.minor <= 0:
        raise Malformed("--amount", "an amount above zero is expected")
    return money


def _text(minor: int, currency: str) -> str:
    return Money(minor, currency).text()


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
        "amount": _text(line.amount, currency),
        "balance_after": _text(line.balance_after, currency),
        "occurred_at": _instant(line.occurred_at),
        "received_at": _instant(line.received_at),
        "posted_at": _instant(line.posted_at),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _table(columns: list[str], rows: Iterable[list[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
