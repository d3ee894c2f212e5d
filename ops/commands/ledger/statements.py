"""``tieout ledger statement``: a wallet's operations, or a provider's days."""

from typing import Annotated

import typer

from ledger.queries.balances import StatementLine, balance_of, statement_of
from ledger.queries.provider_days import ProviderDay, provider_days
from ops.commands.cut_note import note_cut
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.ledger.balances import ByClock, ClockChoice, no_wallet
from ops.commands.option_values import read_day
from ops.commands.options import AsJson, DayOption, Limit, check_currency
from ops.commands.provider_choice import entry_named
from ops.commands.tables import table, text
from ops.context import context_of, own_exponents
from vocabulary.clock import SystemClock
from vocabulary.currencies import Exponents
from vocabulary.errors import Malformed

_AMOUNTS = (
    *("stake", "payout", "rollbacks", "adjustments", "funds"),
    *("ggr", "difference", "clearing"),
)


def statement(
    ctx: typer.Context,
    *,
    player: Annotated[str | None, typer.Option(help="A player's operations.")] = None,
    currency: Annotated[
        str | None,
        typer.Option(help="With --player: the wallet's currency.", callback=check_currency),
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Or a provider's totals by day.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="With --provider: the first day.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="With --provider: the last day.")
    ] = None,
    day: DayOption = None,
    clock: ByClock = ClockChoice.RECEIVED,
    after: Annotated[int, typer.Option(min=0, help="Only operations after this seq.")] = 0,
    most: Limit = 1_000,
    as_json: AsJson = False,
) -> None:
    """Show a wallet's operations in chain order, or a provider's totals by day."""
    if provider is not None and player is None:
        first, last = (day, day) if day is not None else (first, last)
        _provider_days(ctx, provider, (first, last), clock=clock, as_json=as_json)
    elif player is not None and currency is not None and provider is None:
        engine = open_books(ctx)
        if balance_of(engine, player=player, currency=currency) is None:
            raise no_wallet(player, currency)
        note_cut(engine)
        lines = statement_of(
            engine, player=player, currency=currency, after_seq=after, limit=most
        )
        _print_lines(lines, currency, own_exponents(ctx), as_json=as_json)
    else:
        raise Malformed("statement", "--player with --currency, or --provider, is expected")


def _print_lines(
    lines: list[StatementLine], currency: str, exponents: Exponents, *, as_json: bool
) -> None:
    if as_json:
        print_json([_line_json(line, currency, exponents) for line in lines])
        return
    table(
        ["seq", "received", "provider", "kind", "decision", "round", "amount", "balance"],
        (
            [
                *(str(line.seq), line.received_at.isoformat(timespec="milliseconds")),
                *(line.provider, line.kind, line.decision, line.round_id),
                *(
                    text(line.amount, currency, exponents),
                    text(line.balance_after, currency, exponents),
                ),
            ]
            for line in lines
        ),
    )


def _line_json(line: StatementLine, currency: str, exponents: Exponents) -> dict[str, object]:
    return {
        "transaction_id": line.transaction,
        "seq": line.seq,
        "provider": line.provider,
        "kind": line.kind,
        "decision": line.decision,
        "reason": line.reason,
        "round_id": line.round_id,
        "op_key": line.op_key,
        "amount": text(line.amount, currency, exponents),
        "balance_after": text(line.balance_after, currency, exponents),
        "occurred_at": line.occurred_at,
        "received_at": line.received_at,
        "posted_at": line.posted_at,
    }


def _provider_days(
    ctx: typer.Context,
    provider: str,
    words: tuple[str | None, str | None],
    *,
    clock: ClockChoice,
    as_json: bool,
) -> None:
    zone = entry_named(context_of(ctx).settings, provider).timezone
    now = SystemClock().now()
    first, last = (
        read_day(word, option, zone=zone, now=now)
        for word, option in zip(words, ("--from", "--to"), strict=True)
    )
    rows = [
        _day_json(day, own_exponents(ctx))
        for day in provider_days(
            open_books(ctx),
            provider=provider,
            first=first,
            last=last,
            zone=zone,
            by=clock.value,
        )
    ]
    if as_json:
        print_json({"provider": provider, "timezone": zone, "by": clock, "days": rows})
        return
    columns = ["day", "currency", *_AMOUNTS]
    table(columns, ([str(row[column]) for column in columns] for row in rows))


def _day_json(day: ProviderDay, exponents: Exponents) -> dict[str, object]:
    amounts = {name: text(getattr(day, name), day.currency, exponents) for name in _AMOUNTS}
    return {
        "day": day.day,
        "currency": day.currency,
        **amounts,
        "operations": day.operations,
    }
