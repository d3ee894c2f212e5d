"""The agent platform's statement: a CSV of transactions."""

import csv
from collections.abc import Sequence
from typing import TextIO

from simulator.protocol.call_maker import nameless
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.systems.agent_platform.calls import TYPES, round_of
from vocabulary.currencies import ISO_ONLY, digits_of
from vocabulary.money import text_from_minor

COLUMNS = (
    "transaction_id",
    "round_id",
    "type",
    "player_id",
    "currency",
    "bet",
    "win",
    "original_transaction_id",
    "created_at",
)


def write(file: TextIO, lines: Sequence[HistoryLine], span: RunSpan) -> None:
    """Write the lines under a header."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(line, span) for line in lines)


def _row(line: HistoryLine, span: RunSpan) -> tuple[str, ...]:
    exponent = digits_of(line.currency, ISO_ONLY)
    return (
        "" if line.record_id == nameless(line.round_id) else line.record_id,
        round_of(line.round_id),
        TYPES[line.kind],
        line.handle,
        line.currency,
        text_from_minor(line.amount, exponent),
        text_from_minor(line.won, exponent),
        line.round_id if line.rolled_back else "",
        instant_text(span.at(line.place)),
    )
