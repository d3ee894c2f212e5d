"""Records as rows of ``feed_stage``, in the text format of ``COPY``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key, match_keys
from vocabulary.money import Money

#: The columns of a row, in order; the others have defaults.
ROW_COLUMNS = (
    "record_id, round_id, match_key, handle, currency, stake, payout, rolled_back,"
    " declared_net, balance_before, balance_after, game, created_at, updated_at, content, raw"
)
_DIGEST_BYTES = 16
_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordColumns:
    """Records that are not rolled back and state no more than these columns.

    Texts have no backslashes and no control characters.

    Attributes:
        stakes, payouts: in minor units.
        games: an empty text if there is none.
        created, updated: ISO 8601 with a zone.
        raws: the lines as received.
    """

    record_ids: Sequence[str]
    round_ids: Sequence[str]
    handles: Sequence[str]
    currencies: Sequence[str]
    stakes: Sequence[int]
    payouts: Sequence[int]
    games: Sequence[str]
    created: Sequence[str]
    updated: Sequence[str]
    raws: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedRows:
    """Some records, written as ``feed_stage`` takes them.

    Attributes:
        text: one line for each record.
        first, last: the earliest and the latest creation.
        currencies: the number of records by currency.
    """

    text: str
    count: int
    first: datetime
    last: datetime
    currencies: Mapping[str, int]


def staged_rows(
    provider: str, columns: RecordColumns, first: datetime, last: datetime
) -> StagedRows:
    """Write columns as rows; ``first`` and ``last`` are of their creation."""
    rows = zip(
        columns.record_ids,
        columns.round_ids,
        match_keys(provider, columns.round_ids),
        columns.handles,
        columns.currencies,
        columns.stakes,
        columns.payouts,
        columns.games,
        columns.created,
        columns.updated,
        columns.raws,
        strict=True,
    )
    lines = [
        f"{record_id}\t{round_id}\t{key}\t{handle}\t{currency}\t{stake}\t{payout}\tf"
        f"\t\\N\t\\N\t\\N\t{game or _NULL}\t{created}\t{updated}"
        f"\t\\\\x{blake2b(raw, digest_size=_DIGEST_BYTES).hexdigest()}\t\\\\x{raw.hex()}\n"
        for (
            record_id,
            round_id,
            key,
            handle,
            currency,
            stake,
            payout,
            game,
            created,
            updated,
            raw,
        ) in rows
    ]
    return StagedRows(
        text="".join(lines),
        count=len(lines),
        first=first,
        last=last,
        currencies=Counter(columns.currencies),
    )


def staged_row(provider: str, record: HistoryRecord) -> str:
    """Write one record as a row."""
    digest = blake2b(record.raw, digest_size=_DIGEST_BYTES).hexdigest()
    values = (
        _escaped(record.record_id),
        _escaped(record.round_id),
        str(match_key(provider, record.round_id)),
        _escaped(record.handle),
        _escaped(record.currency),
        str(record.stake.minor),
        str(record.payout.minor),
        "t" if record.rolled_back else "f",
        _minor(record.declared_net),
        _minor(record.balance_before),
        _minor(record.balance_after),
        _NULL if record.game is None else _escaped(record.game),
        record.created_at.isoformat(),
        record.updated_at.isoformat(),
        rf"\\x{digest}",
        rf"\\x{record.raw.hex()}",
    )
    return "\t".join(values) + "\n"


def _minor(money: Money | None) -> str:
    return _NULL if money is None else str(money.minor)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
