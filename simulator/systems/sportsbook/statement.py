"""The sportsbook's daily statement: a CSV of transactions."""

import csv
from collections.abc import Sequence
from typing import TextIO

from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.systems.sportsbook.calls import ACTIONS
from vocabulary.currencies import ISO_ONLY, digits_of
from vocabulary.money import text_from_minor

COLUMNS = (
    "transaction_id",
    "action",
    "user_id",
    "currency",
    "amount",
    "rollback_transaction_id",
    "created_at",
)


def write(file: TextIO, lines: Sequence[HistoryLine], span: RunSpan) -> None:
    """Write the lines under a header."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(line, span) for line in lines)


def _row(line: HistoryLine, span: RunSpan) -> tuple[str, ...]:
    return (
        line.record_id,
        ACTIONS[line.kind],
        line.handle,
        line.currency,
        text_from_minor(line.amount, digits_of(line.currency, ISO_ONLY)),
        line.round_id if line.rolled_back else "",
        instant_text(span.at(line.place)),
    )
