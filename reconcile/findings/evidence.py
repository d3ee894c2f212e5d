"""What a break rests on, as references that can be walked back to the bytes.

``operations`` are the operation keys of the round in our journal, ``transactions`` their places
in the wallets' chains, ``records`` the provider's record ids and ``versions`` every telling of
them that was kept. ``withdrawn`` are records that the provider told once and tells no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from breaks.kinds import BY_ROUND
from reconcile.findings.breaks import Break
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.ids import match_key, transaction_id

#: References of one kind kept with one break; of more, the first and their number.
KEPT_MAX = 50

_OPERATIONS = """
SELECT o.round_id, w.player, o.op_key, o.wallet_id, o.wallet_seq
  FROM unnest({keys}::bigint[]) AS k (match_key)
  JOIN rounds r ON r.match_key = k.match_key AND r.provider = {provider}
  JOIN operations o ON o.wallet_id = r.wallet_id AND o.match_key = r.match_key
                   AND o.provider = r.provider AND o.round_id = r.round_id
  JOIN wallets w ON w.wallet_id = r.wallet_id
 ORDER BY o.round_id, o.wallet_id, o.wallet_seq
"""
_RECORDS = """
SELECT f.round_id, f.record_id, min(coalesce(h.player, f.handle)) AS player,
       array_agg(DISTINCT v.version_id ORDER BY v.version_id) AS versions
  FROM feed_records f
  LEFT JOIN feed_versions v ON v.provider = f.provider AND v.record_id = f.record_id
  LEFT JOIN handles h ON h.provider = f.provider AND h.handle = f.handle
 WHERE f.provider = {provider} AND f.match_key = ANY({keys}::bigint[])
 GROUP BY f.round_id, f.record_id ORDER BY f.round_id, f.record_id
"""

_WITHDRAWN = """
SELECT w.round_id, coalesce(h.player, w.handle) AS player, w.record_id, w.stake, w.payout,
       w.source, w.received_at::text, w.changed_by, w.changed_at::text
  FROM feed_withdrawals w LEFT JOIN handles h USING (provider, handle)
 WHERE w.provider = {provider} AND w.match_key = ANY({keys}::bigint[])
   AND w.event = 'withdrawn'
   AND NOT EXISTS (SELECT FROM feed_withdrawals n
                    WHERE n.provider = w.provider AND n.record_id = w.record_id
                      AND n.occurrence = w.occurrence AND n.withdrawal_id > w.withdrawal_id)
 ORDER BY w.round_id, w.record_id, w.occurrence
"""


def with_evidence(books: Snapshot, provider: str, breaks: Sequence[Break]) -> list[Break]:
    """The breaks, those found by looking at a round's rows with what those rows rest on."""
    asked = [each for each in breaks if each.kind in BY_ROUND]
    if not asked:
        return list(breaks)
    aliases = {match_key(provider, each.alias) for each in asked if each.alias}
    keys = sorted({each.match_key for each in asked} | aliases)
    operations = _by_round(books.rows(_OPERATIONS, keys=keys))
    records = _by_round(books.rows(_RECORDS, keys=keys))
    gone = _by_round(books.rows(_WITHDRAWN, keys=keys))
    return [
        replace(each, evidence=_evidence(each, operations, records, gone))
        if each.kind in BY_ROUND
        else each
        for each in breaks
    ]


def _by_round(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    rounds: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        rounds.setdefault(row["round_id"], []).append(row)
    return rounds


def _of_player(rows: list[dict[str, Any]], player: str) -> list[dict[str, Any]]:
    """The player's rows of a round that several share; all of them where none is."""
    return [row for row in rows if row["player"] == player] or rows


def _evidence(
    each: Break,
    operations: Mapping[str, list[dict[str, Any]]],
    records: Mapping[str, list[dict[str, Any]]],
    gone: Mapping[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    ours = _of_player(operations.get(each.round_id, []), each.player)
    theirs = _of_player(records.get(each.alias or each.round_id, []), each.player)
    left = gone.get(each.alias or each.round_id, [])
    told: dict[str, list[Any]] = {
        "operations": [row["op_key"] for row in ours],
        "transactions": [transaction_id(row["wallet_id"], row["wallet_seq"]) for row in ours],
        "records": [row["record_id"] for row in theirs],
        "versions": [n for row in theirs for n in row["versions"] if n is not None],
        "withdrawn": [_withdrawn(row) for row in _of_player(left, each.player)],
    }
    evidence: dict[str, Any] = {name: some[:KEPT_MAX] for name, some in told.items() if some}
    more = {name: len(some) for name, some in told.items() if len(some) > KEPT_MAX}
    return {**evidence, "counts": more} if more else evidence


def _withdrawn(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a record said, who told it, and what left it out; amounts in minor units."""
    return {
        "record": row["record_id"],
        "stake_minor": str(row["stake"]),
        "payout_minor": str(row["payout"]),
        "told_by": row["source"],
        "told_at": row["received_at"],
        "withdrawn_by": row["changed_by"],
        "withdrawn_at": row["changed_at"],
    }
