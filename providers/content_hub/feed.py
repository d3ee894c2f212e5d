"""Transactions as the hub's history reports them, in a CSV file or by its API.

A rollback is a record that takes back the amount of another record of its round.
"""

from collections.abc import Mapping

from providers.contract import Provider
from providers.statements.format import FieldKind, PlainLines, StatementFormat
from providers.wire.fields import (
    currency_code,
    history_instant,
    identifier,
    one_of,
    unsigned_amount,
)
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money

FIELDS: Mapping[str, FieldKind] = {
    "transaction_uuid": FieldKind.ID,
    "kind": FieldKind.WORD,
    "user": FieldKind.ID,
    "currency": FieldKind.WORD,
    "amount": FieldKind.AMOUNT,
    "round": FieldKind.ID,
    "reference_transaction_uuid": FieldKind.ID,
    "created_at": FieldKind.INSTANT,
}
KINDS = ("bet", "win", "bet_rollback", "win_rollback")


def record_of(provider: Provider, fields: Mapping[str, str], raw: bytes) -> HistoryRecord:
    """One transaction; the amount is a decimal in units of the currency.

    Raises:
        Malformed: a field is not of its type.
    """
    kind = one_of(fields["kind"], KINDS, "kind")
    currency = currency_code(fields["currency"], "currency", provider)
    amount = unsigned_amount(fields["amount"], currency, provider, path="amount")
    moved = -amount if kind.endswith("_rollback") else amount
    nothing = Money(0, currency)
    created_at = history_instant(fields["created_at"], "created_at")
    key = identifier(fields["transaction_uuid"], "transaction_uuid")
    _check_reference(fields["reference_transaction_uuid"], kind, key)
    return HistoryRecord(
        record_id=key,
        round_id=identifier(fields["round"], "round"),
        handle=identifier(fields["user"], "user"),
        currency=currency,
        stake=moved if kind.startswith("bet") else nothing,
        payout=moved if kind.startswith("win") else nothing,
        rolled_back=False,
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game=None,
        created_at=created_at,
        updated_at=created_at,
        raw=raw,
    )


def _check_reference(reference: str, kind: str, key: str) -> None:
    """A rollback names what it takes back; of the others it decides nothing."""
    if not reference and not kind.endswith("_rollback"):
        return
    name = "reference_transaction_uuid"
    if identifier(reference, name) == key and kind.endswith("_rollback"):
        raise Malformed(name, "another transaction is expected")


def _plain_lines(_provider: Provider) -> PlainLines:
    """Bets and wins; a rollback takes back."""
    return PlainLines(
        amounts={"bet": ("amount", None), "win": (None, "amount")},
        record_id="transaction_uuid",
        round_id="round",
        handle="user",
        created_at="created_at",
        updated_at="created_at",
        unused=("reference_transaction_uuid",),
    )


STATEMENT = StatementFormat(
    fields=FIELDS,
    optional=frozenset(),
    native="csv",
    record=record_of,
    plain=_plain_lines,
    action="kind",
    actions=KINDS,
    signs={"amount": {"bet": -1, "win": 1, "bet_rollback": 1, "win_rollback": -1}},
)
