"""The hub's history: its transactions, in a CSV file or as documents of its API."""

import csv
from collections.abc import Sequence
from typing import TextIO

from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.protocol.messages import CallKind
from vocabulary.currencies import ISO_ONLY, digits_of
from vocabulary.money import text_from_minor

COLUMNS = (
    "transaction_uuid",
    "kind",
    "user",
    "currency",
    "amount",
    "round",
    "reference_transaction_uuid",
    "created_at",
)


def write(file: TextIO, lines: Sequence[HistoryLine], span: RunSpan) -> None:
    """Write the lines under a header; amounts in units of the currency."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        document(line, span)
        | {"amount": text_from_minor(line.amount, digits_of(line.currency, ISO_ONLY))}
        for line in lines
    )


def document(line: HistoryLine, span: RunSpan) -> dict[str, str]:
    """One transaction by its fields, but for its amount."""
    return {
        "transaction_uuid": line.record_id,
        "kind": kind_of(line),
        "user": line.handle,
        "currency": line.currency,
        "round": line.round_id,
        "reference_transaction_uuid": line.original,
        "created_at": instant_text(span.at(line.place)),
    }


def kind_of(line: HistoryLine) -> str:
    """The hub's word for a transaction; a rollback says what it takes back."""
    if line.kind is not CallKind.ROLLBACK:
        return line.kind.value
    return "win_rollback" if line.payout < 0 else "bet_rollback"
