"""The platform's rounds, as its API lists them and as files have them, one a line."""

from collections.abc import Sequence
from typing import TextIO

from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.protocol.json_text import PLAIN, JsonAmount, Value
from vocabulary.currencies import ISO_ONLY, digits_of


def write(file: TextIO, lines: Sequence[HistoryLine], span: RunSpan) -> None:
    """Write one line per round."""
    file.writelines(PLAIN(round_document(line, span)) + "\n" for line in lines)


def round_document(line: HistoryLine, span: RunSpan) -> dict[str, Value]:
    """One round."""
    exponent = digits_of(line.currency, ISO_ONLY)
    return {
        "roundId": line.record_id,
        "userId": line.handle,
        "currency": line.currency,
        "bet": JsonAmount(line.stake, exponent),
        "prize": JsonAmount(line.payout, exponent),
        "status": "closed" if line.closed else "open",
        "createdAt": instant_text(span.at(line.place)),
        "updatedAt": instant_text(span.ended if line.closed else span.at(line.place)),
    }
