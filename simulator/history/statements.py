"""Telling the history as a file: CSV statements, and rounds as one JSON object a line."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from simulator.history.lines import HistoryLine, RunSpan
from simulator.protocol.agent_platform import TYPES, nameless, round_of
from simulator.protocol.instants import instant_text
from simulator.protocol.json_text import PLAIN, JsonAmount, Value
from simulator.protocol.messages import ProviderSystem
from simulator.protocol.signing import action_of
from vocabulary.money import exponent_of, text_from_minor

STATEMENT_COLUMNS = (
    "transaction_id",
    "action",
    "user_id",
    "currency",
    "amount",
    "rollback_transaction_id",
    "created_at",
)

AGENT_STATEMENT_COLUMNS = (
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

#: How the file of each side ends that tells its history as one.
SUFFIXES: Mapping[ProviderSystem, str] = MappingProxyType(
    {
        ProviderSystem.AGENT_PLATFORM: ".csv",
        ProviderSystem.SPORTSBOOK: ".csv",
        ProviderSystem.XIGS: ".jsonl",
    }
)


def write_statement(
    path: Path, side: ProviderSystem, lines: Sequence[HistoryLine], span: RunSpan
) -> int:
    """Write the file in which one side tells its history.

    Returns:
        The number of lines told, without a header.

    Raises:
        KeyError: the side pushes its history.
    """
    write = _WRITERS[side]
    path.parent.mkdir(parents=True, exist_ok=True)
    told = [line for line in lines if line.side is side]
    with path.open("w", encoding="utf-8", newline="") as file:
        write(file, told, span)
    return len(told)


def _write_sportsbook(file: TextIO, told: Sequence[HistoryLine], span: RunSpan) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(STATEMENT_COLUMNS)
    writer.writerows(_statement_row(line, span) for line in told)


def _write_agent_platform(file: TextIO, told: Sequence[HistoryLine], span: RunSpan) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(AGENT_STATEMENT_COLUMNS)
    writer.writerows(_agent_row(line, span) for line in told)


def _write_xigs(file: TextIO, told: Sequence[HistoryLine], span: RunSpan) -> None:
    file.writelines(PLAIN(round_document(line, span)) + "\n" for line in told)


_WRITERS: Mapping[ProviderSystem, Callable[[TextIO, Sequence[HistoryLine], RunSpan], None]] = (
    MappingProxyType(
        {
            ProviderSystem.AGENT_PLATFORM: _write_agent_platform,
            ProviderSystem.SPORTSBOOK: _write_sportsbook,
            ProviderSystem.XIGS: _write_xigs,
        }
    )
)


def _agent_row(line: HistoryLine, span: RunSpan) -> tuple[str, ...]:
    exponent = exponent_of(line.currency)
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


def round_document(line: HistoryLine, span: RunSpan) -> dict[str, Value]:
    """One round of the scratch-card platform as its API tells it."""
    exponent = exponent_of(line.currency)
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


def _statement_row(line: HistoryLine, span: RunSpan) -> tuple[str, ...]:
    return (
        line.record_id,
        action_of(line.kind),
        line.handle,
        line.currency,
        text_from_minor(line.amount, exponent_of(line.currency)),
        line.round_id if line.rolled_back else "",
        instant_text(span.at(line.place)),
    )
