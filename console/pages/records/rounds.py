"""One round of a provider: both sides, every operation, and every source on one time axis."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from breaks.lists.queries import breaks_of_round
from breaks.sources import sources_of_round
from console.config import Visit
from console.drawings.timeline import events_of, horizontal_timeline, vertical_timeline
from console.pages.parameters import read_limit, read_name, zone_values
from console.pages.records.recalls import recall_values
from console.replies import HtmlPage, away, not_found
from console.sentences import counted
from feeds.round_records import RECORDS_MAX, RoundRecord, records_of_round, sums_of_records
from ledger.queries.operations import START_BYTES
from ledger.queries.round_parts import (
    PARTS_MAX,
    BalanceChange,
    RoundOperation,
    RoundPart,
    balances_of_round,
    operations_of_round,
    parts_of_round,
    sums_of_parts,
)
from storage.archive.row_cut import archives_of, away_sentence, round_named
from vocabulary.ids import RowKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSums:
    """What each side says of a round in one currency, minor units; None: it has nothing."""

    currency: str
    ours: tuple[int, int] | None
    theirs: tuple[int, int] | None

    @property
    def difference(self) -> int:
        """Theirs less ours, as owed to the player."""
        (our_stake, our_payout), (stake, payout) = self.ours or (0, 0), self.theirs or (0, 0)
        return (payout - stake) - (our_payout - our_stake)


def show(visit: Visit) -> HtmlPage:
    """The round as both sides have it; other ids of it are not searched."""
    provider = read_name("provider", visit.path["provider"])
    round_id = read_name("round", visit.path["round"])
    with visit.console.readers.connect() as connection:
        parts = parts_of_round(connection, provider, round_id)
        records = records_of_round(connection, provider, round_id)
        breaks = breaks_of_round(connection, provider, round_id)
        if not parts:
            _require_round(visit, connection, provider, round_id)
        if not (parts or records or breaks):
            raise not_found(f"round of {provider}", round_id)
        values = _our_side(visit, connection, provider, round_id)
        sums = _sums(connection, provider, round_id, parts, records)
    exponents = visit.config.exponents(provider)
    events = events_of(sources_of_round(visit.console.readers, provider, round_id, exponents))
    values |= {
        "provider": provider,
        "round_id": round_id,
        "parts": parts,
        "records": records,
        "records_max": RECORDS_MAX,
        "parts_max": PARTS_MAX,
        "breaks": breaks,
        "sums": sums,
        "sentence": sentence_of(parts, records, sums, len(breaks)),
        "events": events,
        "horizontal": horizontal_timeline(events),
        "vertical": vertical_timeline(events),
        "start_bytes": START_BYTES,
        "exponents": exponents,
        **zone_values(visit.config, provider),
    }
    return HtmlPage(template="records/round.html", values=values)


def _require_round(visit: Visit, connection: Connection, provider: str, round_id: str) -> None:
    """Check that our side of a round is not in an archive.

    Raises:
        RequestRefused: it is; says where, and how it comes back.
    """
    name = round_named(provider, round_id)
    if archives := archives_of(connection, provider, name):
        values = recall_values(visit, connection, RowKind.ROUND, provider, round_id)
        raise away("round", f"{away_sentence(provider, name, archives)}.", values)


def sums_of(parts: Sequence[RoundPart], records: Sequence[RoundRecord]) -> list[RoundSums]:
    """Stake and payout of both sides by currency; withdrawn and undone records do not count."""
    ours = _by_currency((part.currency, part.stake, part.payout) for part in parts)
    theirs = _by_currency(
        (record.currency, 0, 0)
        if record.rolled_back or record.undone
        else (record.currency, record.stake, record.payout)
        for record in records
        if not record.withdrawn
    )
    return _beside(ours, theirs)


def _sums(
    connection: Connection,
    provider: str,
    round_id: str,
    parts: Sequence[RoundPart],
    records: Sequence[RoundRecord],
) -> list[RoundSums]:
    """The sums of the whole round, also if not all of it was read."""
    if len(parts) < PARTS_MAX and len(records) < RECORDS_MAX:
        return sums_of(parts, records)
    return _beside(
        sums_of_parts(connection, provider, round_id),
        sums_of_records(connection, provider, round_id),
    )


def _beside(
    ours: Mapping[str, tuple[int, int]], theirs: Mapping[str, tuple[int, int]]
) -> list[RoundSums]:
    return [
        RoundSums(currency=currency, ours=ours.get(currency), theirs=theirs.get(currency))
        for currency in sorted({*ours, *theirs})
    ]


def sentence_of(
    parts: Sequence[RoundPart],
    records: Sequence[RoundRecord],
    sums: Sequence[RoundSums],
    breaks: int,
) -> str:
    """How the two sides of a round stand, in a sentence."""
    is_reported = any(not record.withdrawn for record in records)
    if parts and not is_reported:
        answer = "Only our ledger has this round"
    elif is_reported and not parts:
        answer = "Only the provider's history has this round"
    elif not parts:
        answer = "Neither side has this round any more"
    elif all(line.ours == line.theirs for line in sums):
        answer = "Both sides have this round with the same amounts"
    else:
        answer = "Both sides have this round with different amounts"
    return f"{answer}, with {counted(breaks, 'break')}."


def balance_changes(operations: Iterable[RoundOperation]) -> list[BalanceChange]:
    """The balance of each wallet before the first and after the last of its operations."""
    chains: dict[tuple[str, str], list[RoundOperation]] = {}
    for operation in sorted(operations, key=lambda operation: operation.wallet_seq):
        chains.setdefault((operation.player, operation.currency), []).append(operation)
    return [
        BalanceChange(
            player=player,
            currency=currency,
            before=chain[0].balance_before,
            after=chain[-1].balance_after,
        )
        for (player, currency), chain in chains.items()
    ]


def _our_side(
    visit: Visit, connection: Connection, provider: str, round_id: str
) -> dict[str, Any]:
    """One page of our operations, and the balances before and after all of them."""
    after = visit.query.get("after")
    page = operations_of_round(
        connection, provider, round_id, after=after, limit=read_limit(visit.query)
    )
    is_whole = not after and page.next is None
    return {
        "operations": page.operations,
        "after": after,
        "next": page.next,
        "balances": balance_changes(page.operations)
        if is_whole
        else balances_of_round(connection, provider, round_id),
    }


def _by_currency(rows: Iterable[tuple[str, int, int]]) -> Mapping[str, tuple[int, int]]:
    stakes: Counter[str] = Counter()
    payouts: Counter[str] = Counter()
    for currency, stake, payout in rows:
        stakes[currency] += stake
        payouts[currency] += payout
    return {currency: (stakes[currency], payouts[currency]) for currency in stakes}
