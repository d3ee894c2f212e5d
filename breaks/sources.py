"""What every source says about the round of a break, with the bytes that say it.

Sources are our journal (callbacks and their entries), requests that we refused, the versions
of the provider's records, what it withdrew, its own log of callbacks, and its answers to
inquiries. Bytes that left the database are read from their archive.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from breaks.store import TrackedBreak, transaction
from ledger.queries.round_parts import OPERATIONS_OF_ROUNDS
from storage.archive.restore import (
    restored_deliveries,
    restored_operations,
    restored_versions,
)
from storage.archive.row_cut import archives_of, away_sentence, round_named, rows_begin_at
from storage.archive.statement_files import archived_contents
from vocabulary.clock import iso
from vocabulary.ids import match_key, transaction_id
from vocabulary.money import Money

#: The most rows of one source that are read.
ROWS_MAX = 50
#: Largest statement file in which a line is looked for, in bytes.
SCANNED_BYTES_MAX = 256 * 1024

# Nothing indexes operations by round, and a player may have made hundreds of thousands.
_OPERATIONS = f"""
SELECT o.wallet_id, o.wallet_seq, o.op_key, o.kind::text AS kind, o.decision::text AS decision,
       o.reason, o.amount, o.declared_stake, o.declared_payout, o.balance_after, o.currency,
       o.reply_status, o.reply, o.body, o.received_at, w.player, g.committed_at, g.posted_at,
       ledger_epoch(o.batch_id) AS epoch,
       ARRAY(SELECT e.account::text || ' ' || e.amount FROM booked_entries e
              WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq ORDER BY e.leg)
         AS entries
  FROM (SELECT o.* FROM rounds r {OPERATIONS_OF_ROUNDS}
         WHERE r.match_key = ANY(CAST(:match_keys AS bigint[])) AND r.provider = :provider
        UNION
        SELECT o.* FROM operations o
         WHERE o.provider = :provider AND o.op_key = ANY(CAST(:op_keys AS text[]))) o
  JOIN wallets w USING (wallet_id)
  LEFT JOIN batches g USING (batch_id)
 ORDER BY o.received_at, o.wallet_id, o.wallet_seq LIMIT :most
"""  # noqa: S608 - our own constant
_REQUESTS = """
SELECT delivery_id, op_key, verdict, reply_status, reply, body, received_at FROM deliveries
 WHERE provider = :provider AND op_key = ANY(CAST(:op_keys AS text[]))
 ORDER BY delivery_id LIMIT :most
"""
_VERSIONS = """
SELECT v.version_id, v.record_id, v.source, v.received_at, v.raw, f.file_id,
       f.size <= :scanned AS is_scanned,
       CASE WHEN f.size <= :scanned THEN (
           SELECT string_agg(p.bytes, '' ORDER BY p.part) FROM feed_file_parts p
            WHERE p.file_id = f.file_id) END AS file
  FROM feed_versions v
  LEFT JOIN LATERAL (
       SELECT f.file_id, f.size FROM feed_files f
        WHERE f.provider = v.provider AND f.name = v.source
          AND EXISTS (SELECT FROM feed_file_records r
                       WHERE r.file_id = f.file_id AND r.record_id = v.record_id)
        ORDER BY f.file_id DESC LIMIT 1) f ON v.source NOT IN ('push', 'pull')
 WHERE v.provider = :provider
   AND v.record_id IN (SELECT f.record_id FROM feed_records f
                        WHERE f.match_key = ANY(CAST(:match_keys AS bigint[]))
                          AND f.provider = :provider
                       UNION
                       SELECT w.record_id FROM feed_withdrawals w
                        WHERE w.match_key = ANY(CAST(:match_keys AS bigint[]))
                          AND w.provider = :provider)
 ORDER BY v.version_id LIMIT :most
"""
_RECORDS = """
SELECT record_id, occurrence, stake, payout, currency, rolled_back, balance_before,
       balance_after, game, created_at, source
  FROM feed_records
 WHERE match_key = ANY(CAST(:match_keys AS bigint[])) AND provider = :provider
 ORDER BY created_at, record_id, occurrence LIMIT :most
"""
_WITHDRAWALS = """
SELECT record_id, event, stake, payout, currency, changed_by, changed_at FROM feed_withdrawals
 WHERE match_key = ANY(CAST(:match_keys AS bigint[])) AND provider = :provider
 ORDER BY withdrawal_id LIMIT :most
"""
_LOGGED = """
SELECT webhook_id, delivery_id, event_type, payload, response_code, response_body, success,
       attempted_at
  FROM provider_deliveries
 WHERE provider = :provider AND webhook_id || '/' || delivery_id = ANY(CAST(:logged AS text[]))
   AND webhook_id = ANY(CAST(:webhooks AS text[]))
 ORDER BY attempted_at LIMIT :most
"""
_ANSWER = """
SELECT a.verdict, a.reason, a.link, a.asked_at, p.content
  FROM detail_answers a LEFT JOIN detail_pages p USING (digest)
 WHERE a.provider = :provider AND a.key = :round_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackBooking:
    """What became of a callback.

    Attributes:
        committed_at: when its decision was stored; the reply goes out at that moment.
        posted_at: when its entries were written; None: not yet.
        entries: each as text; a declined callback has none.
    """

    reply_status: int
    committed_at: datetime
    posted_at: datetime | None
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWord:
    """What one source says.

    Attributes:
        source: callback, refused request, history, version, statement line, withdrawal,
            webhook log or bet detail.
        id: ours or the provider's name of it.
        words: what it says, in one line.
        received: the bytes as they came; None if the source keeps none.
        answered: the bytes that answered them.
        booking: of a callback, what became of it.
        file_id: of a statement line, its file; ``line``: where it is, if that is known.
    """

    source: str
    at: datetime
    id: str
    words: str
    received: bytes | None = None
    answered: bytes | None = None
    booking: CallbackBooking | None = None
    file_id: int | None = None
    line: int | None = None


def sources_of(
    engine: Engine, break_: TrackedBreak, exponents: Mapping[str, int]
) -> list[SourceWord]:
    """Everything that our sources hold about the round, each source in order of time.

    Raises:
        Unavailable: the database is out of reach.
    """
    return _words(engine, _parameters(break_), exponents)


def sources_of_round(
    engine: Engine, provider: str, round_id: str, exponents: Mapping[str, int]
) -> list[SourceWord]:
    """Everything that our sources hold about a round of a provider, with or without a break.

    Raises:
        Unavailable: the database is out of reach.
    """
    params = {
        "provider": provider,
        "round_id": round_id,
        "match_keys": [match_key(provider, round_id)],
        "op_keys": [],
        "logged": [],
        "webhooks": [],
        "began_at": None,
        "most": ROWS_MAX,
        "scanned": SCANNED_BYTES_MAX,
    }
    return _words(engine, params, exponents)


def _words(
    engine: Engine, params: dict[str, Any], exponents: Mapping[str, int]
) -> list[SourceWord]:
    def money(minor: int, currency: str) -> str:
        return Money(minor, currency).text_with_currency(exponents=exponents)

    with transaction(engine) as connection:
        operations = _rows(connection, _OPERATIONS, params)
        params["op_keys"] = sorted({*params["op_keys"], *(row["op_key"] for row in operations)})
        return [
            *_away(connection, params, is_there=bool(operations)),
            *_callbacks(restored_operations(connection, operations), money),
            *_requests(restored_deliveries(connection, _rows(connection, _REQUESTS, params))),
            *(records := list(_records(_rows(connection, _RECORDS, params), money))),
            *_away_records(connection, params, operations, is_there=bool(records)),
            *_versions(_version_rows(connection, params)),
            *_withdrawals(_rows(connection, _WITHDRAWALS, params), money),
            *_logged(_rows(connection, _LOGGED, params)),
            *_answers(_rows(connection, _ANSWER, params)),
        ]


_Money = Callable[[int, str], str]


def _parameters(break_: TrackedBreak) -> dict[str, Any]:
    rounds = {break_.round_id, *([break_.alias] if break_.alias else [])}
    logged = [str(name) for name in break_.evidence.get("logged", ())]
    return {
        "provider": break_.provider,
        "round_id": break_.round_id,
        "match_keys": [match_key(break_.provider, name) for name in sorted(rounds)],
        "op_keys": [str(key) for key in break_.evidence.get("operations", ())],
        "logged": logged,
        "began_at": break_.began_at,
        "webhooks": sorted({name.partition("/")[0] for name in logged}),
        "most": ROWS_MAX,
        "scanned": SCANNED_BYTES_MAX,
    }


def _rows(
    connection: Connection, query: str, params: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(text(query), dict(params)).mappings()]


def _away(
    connection: Connection, params: Mapping[str, Any], *, is_there: bool
) -> Iterator[SourceWord]:
    """A word about our callbacks, if they are in an archive only."""
    cut = None if is_there else rows_begin_at(connection)
    if cut is None:
        return
    provider, round_id = params["provider"], params["round_id"]
    name = round_named(provider, round_id)
    if archives := archives_of(connection, provider, name):
        words = away_sentence(provider, name, archives)
        yield SourceWord(source="callback", at=cut, id=round_id, words=words)


def _away_records(
    connection: Connection,
    params: Mapping[str, Any],
    operations: Sequence[Mapping[str, Any]],
    *,
    is_there: bool,
) -> Iterator[SourceWord]:
    """A word about records of a round that began before the cut, if there are none here."""
    cut = None if is_there else rows_begin_at(connection)
    began_at = min((row["received_at"] for row in operations), default=params["began_at"])
    if cut is None or (began_at is not None and began_at >= cut):
        return
    provider, round_id = params["provider"], params["round_id"]
    yield SourceWord(
        source="history",
        at=cut,
        id=round_id,
        words=f"records of days before {iso(cut)} left for archives; `tieout archive recall"
        f" --provider {provider} --round {round_id} --records` brings back what there is",
    )


def _callbacks(rows: Sequence[Mapping[str, Any]], money: _Money) -> Iterator[SourceWord]:
    for row in rows:
        currency = row["currency"]
        declared = [
            f"{name} {money(row[f'declared_{name}'], currency)}"
            for name in ("stake", "payout")
            if row[f"declared_{name}"] is not None
        ]
        entries = [_entry(entry, money, currency) for entry in row["entries"]]
        reason = f" ({row['reason']})" if row["reason"] else ""
        yield SourceWord(
            source="callback",
            at=row["received_at"],
            id=transaction_id(row["wallet_id"], row["wallet_seq"], row["epoch"]),
            words=f"{row['kind']} {row['op_key']}: {money(row['amount'], currency)} to"
            f" {row['player']}, {row['decision']}{reason}, answered {row['reply_status']};"
            f" balance {money(row['balance_after'], currency)}"
            + (f"; declares {' and '.join(declared)}" if declared else "")
            + f"; entries: {', '.join(entries) or 'none'}",
            received=bytes(row["body"]),
            answered=bytes(row["reply"]),
            booking=CallbackBooking(
                reply_status=row["reply_status"],
                committed_at=row["committed_at"] or row["received_at"],
                posted_at=row["posted_at"],
                entries=tuple(entries),
            ),
        )


def _entry(entry: str, money: _Money, currency: str) -> str:
    account, _, minor = entry.partition(" ")
    return f"{account} {money(int(minor), currency)}"


def _requests(rows: Sequence[Mapping[str, Any]]) -> Iterator[SourceWord]:
    for row in rows:
        yield SourceWord(
            source="refused request",
            at=row["received_at"],
            id=str(row["delivery_id"]),
            words=f"{row['op_key']}: {row['verdict']}, answered {row['reply_status']}; it moved"
            " nothing",
            received=bytes(row["body"]),
            answered=bytes(row["reply"]),
        )


def _records(rows: Sequence[Mapping[str, Any]], money: _Money) -> Iterator[SourceWord]:
    for row in rows:
        currency = row["currency"]
        balances = [
            f"balance {name} {money(row[f'balance_{name}'], currency)}"
            for name in ("before", "after")
            if row[f"balance_{name}"] is not None
        ]
        times = f" (no. {row['occurrence']})" if row["occurrence"] > 1 else ""
        parts = [
            f"stake {money(row['stake'], currency)}",
            f"payout {money(row['payout'], currency)}",
            *balances,
            *(["rolled back"] if row["rolled_back"] else []),
            *([f"game {row['game']}"] if row["game"] else []),
        ]
        yield SourceWord(
            source="history",
            at=row["created_at"],
            id=f"{row['record_id']}{times}",
            words=f"{', '.join(parts)}; from {row['source']}",
        )


def _version_rows(connection: Connection, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Versions with their bytes and files, from archives where they left."""
    rows = restored_versions(connection, _rows(connection, _VERSIONS, params))
    away = {row["file_id"] for row in rows if row["is_scanned"] and row["file"] is None}
    files = archived_contents(connection, sorted(away)) if away else {}
    return [{**row, "file": row["file"] or files.get(row["file_id"])} for row in rows]


def _versions(rows: Sequence[Mapping[str, Any]]) -> Iterator[SourceWord]:
    for row in rows:
        is_file = row["source"] not in {"push", "pull"}
        yield SourceWord(
            source="statement line" if is_file else "version",
            at=row["received_at"],
            id=f"version {row['version_id']}",
            words=f"record {row['record_id']} as {row['source']} reported it",
            received=bytes(row["raw"]),
            file_id=row["file_id"],
            line=_line_of(row["raw"], row["file"]),
        )


def _line_of(raw: bytes, file: bytes | None) -> int | None:
    """The number of the line in its file; None: it is not there as it is, as in workbooks."""
    place = -1 if file is None else bytes(file).find(bytes(raw))
    return None if file is None or place < 0 else bytes(file).count(b"\n", 0, place) + 1


def _withdrawals(rows: Sequence[Mapping[str, Any]], money: _Money) -> Iterator[SourceWord]:
    for row in rows:
        amounts = [money(row[name], row["currency"]) for name in ("stake", "payout")]
        yield SourceWord(
            source="withdrawal",
            at=row["changed_at"],
            id=row["record_id"],
            words=f"{row['event']} by {row['changed_by']}: stake {amounts[0]}, payout"
            f" {amounts[1]}",
        )


def _logged(rows: Sequence[Mapping[str, Any]]) -> Iterator[SourceWord]:
    for row in rows:
        outcome = "delivered" if row["success"] else "failed"
        code = "no answer" if row["response_code"] is None else row["response_code"]
        yield SourceWord(
            source="webhook log",
            at=row["attempted_at"],
            id=f"{row['webhook_id']}/{row['delivery_id']}",
            words=f"{row['event_type']}, {outcome}, our answer by their log: {code}",
            received=bytes(row["payload"]),
            answered=bytes(row["response_body"]),
        )


def _answers(rows: Sequence[Mapping[str, Any]]) -> Iterator[SourceWord]:
    for row in rows:
        link = f" {row['link']}" if row["link"] else ""
        yield SourceWord(
            source="bet detail",
            at=row["asked_at"],
            id=row["verdict"],
            words=f"{row['verdict']}: {row['reason']}{link}",
            received=None if row["content"] is None else bytes(row["content"]),
        )
