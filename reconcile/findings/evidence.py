"""References from a break to its sources, which lead back to the received bytes.

``operations`` are the operation keys of the round in our journal, and ``transactions`` their
positions in the wallets' chains. ``records`` are the provider's record ids, and ``versions``
all stored versions of them. ``withdrawn`` are records that the provider once reported and then
withdrew. ``refused`` are deliveries that repeated an operation of the round with other content:
what they say was answered with a conflict and moved nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from breaks.kinds import BY_ROUND
from reconcile.findings.breaks import Break
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.ids import match_key

#: The most references of one kind that a break keeps; of more, it keeps the first and their
#: number.
KEPT_MAX = 50

# The operations of rounds. A round of a wallet with very many is looked for among those of the
# days around it: positions of a chain are in the order of time. OFFSET keeps each step a
# lookup, whatever statistics say.
_OURS = """
  FROM unnest({keys}::bigint[]) AS k (match_key)
 CROSS JOIN LATERAL (SELECT * FROM rounds x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) r
 CROSS JOIN LATERAL (SELECT x.player, x.seq FROM wallets x
                      WHERE x.wallet_id = r.wallet_id OFFSET 0) w
 CROSS JOIN LATERAL (
       SELECT * FROM operations x
        WHERE x.wallet_id = r.wallet_id
          AND x.wallet_seq >= CASE WHEN w.seq > 10000
                                   THEN chain_position_at(r.wallet_id,
                                                          r.first_at - interval '1 day')
                                   ELSE 0 END
          AND x.wallet_seq < CASE WHEN w.seq > 10000
                                  THEN chain_position_at(r.wallet_id,
                                                         r.last_at + interval '1 day')
                                  ELSE 9223372036854775807 END
          AND x.match_key = r.match_key AND x.round_id = r.round_id
          AND x.provider IS NOT DISTINCT FROM r.provider OFFSET 0) o
"""
_OPERATIONS = f"""
SELECT o.round_id, w.player, o.op_key,
       transaction_name(o.wallet_id, o.wallet_seq) AS transaction
{_OURS} ORDER BY o.round_id, o.wallet_id, o.wallet_seq
"""
_REFUSED = f"""
SELECT o.round_id, w.player, d.delivery_id
{_OURS} CROSS JOIN LATERAL (SELECT x.delivery_id FROM deliveries x
                      WHERE x.provider = o.provider AND x.op_key = o.op_key
                        AND x.verdict = 'conflict' OFFSET 0) d
 ORDER BY o.round_id, d.delivery_id
"""  # noqa: S608 - only the constant above is put in
_RECORDS = """
SELECT f.round_id, f.record_id, min(coalesce(h.player, f.handle)) AS player,
       array_agg(DISTINCT v.version_id ORDER BY v.version_id) AS versions
  FROM unnest({keys}::bigint[]) AS k (match_key)
 CROSS JOIN LATERAL (SELECT * FROM feed_records x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) f
  LEFT JOIN LATERAL (SELECT x.version_id FROM feed_versions x
                      WHERE x.provider = f.provider AND x.record_id = f.record_id
                     OFFSET 0) v ON true
  LEFT JOIN LATERAL (SELECT x.player FROM handles x
                      WHERE x.provider = f.provider AND x.handle = f.handle
                     OFFSET 0) h ON true
 GROUP BY f.round_id, f.record_id ORDER BY f.round_id, f.record_id
"""
_WITHDRAWN = """
SELECT w.round_id, coalesce(h.player, w.handle) AS player, w.record_id, w.stake, w.payout,
       w.source, w.received_at::text, w.changed_by, w.changed_at::text
  FROM feed_withdrawals w LEFT JOIN handles h USING (provider, handle)
 WHERE w.provider IS NOT DISTINCT FROM {provider}
   AND w.match_key = ANY({keys}::bigint[])
   AND w.event = 'withdrawn'
   AND NOT EXISTS (SELECT FROM feed_withdrawals n
                    WHERE n.provider = w.provider AND n.record_id = w.record_id
                      AND n.occurrence = w.occurrence AND n.withdrawal_id > w.withdrawal_id)
 ORDER BY w.round_id, w.record_id, w.occurrence
"""


_RowsByRound = Mapping[str, list[dict[str, Any]]]


class _Sources(NamedTuple):
    """The rows that evidence refers to, by round."""

    operations: _RowsByRound
    refused: _RowsByRound
    records: _RowsByRound
    withdrawn: _RowsByRound


def with_evidence(snapshot: Snapshot, breaks: Sequence[Break]) -> list[Break]:
    """Add evidence to the breaks that were found by comparing rounds."""
    of_rounds = [break_ for break_ in breaks if break_.kind in BY_ROUND]
    if not of_rounds:
        return list(breaks)
    aliases = {
        match_key(snapshot.provider, break_.alias) for break_ in of_rounds if break_.alias
    }
    keys = sorted({break_.match_key for break_ in of_rounds} | aliases)
    queries = (_OPERATIONS, _REFUSED, _RECORDS, _WITHDRAWN)
    sources = _Sources(*(_by_round(snapshot.query(query, keys=keys)) for query in queries))
    return [
        replace(break_, evidence=_evidence(break_, sources))
        if break_.kind in BY_ROUND
        else break_
        for break_ in breaks
    ]


def _by_round(rows: Iterable[dict[str, Any]]) -> _RowsByRound:
    rounds: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        rounds.setdefault(row["round_id"], []).append(row)
    return rounds


def _of_player(
    rows: list[dict[str, Any]], break_: Break, side: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Return the player's rows of one side of a round; all rows if none is the player's.

    The other side may name the player differently. A share that a side does not have has no
    rows there, and those of the other players are none of its own.
    """
    own = [row for row in rows if row["player"] == break_.player]
    return own if break_.share and side is None else own or rows


def _evidence(break_: Break, sources: _Sources) -> dict[str, Any]:
    their_round = break_.alias or break_.round_id
    ours = _of_player(sources.operations.get(break_.round_id, []), break_, break_.ours)
    refused = _of_player(sources.refused.get(break_.round_id, []), break_, break_.ours)
    theirs = _of_player(sources.records.get(their_round, []), break_, break_.theirs)
    withdrawn = _of_player(sources.withdrawn.get(their_round, []), break_, break_.theirs)
    references: dict[str, list[Any]] = {
        "operations": [row["op_key"] for row in ours],
        "transactions": [row["transaction"] for row in ours],
        "refused": [row["delivery_id"] for row in refused],
        "records": [row["record_id"] for row in theirs],
        "versions": [n for row in theirs for n in row["versions"] if n is not None],
        "withdrawn": [_withdrawn(row) for row in withdrawn],
    }
    evidence: dict[str, Any] = {
        name: values[:KEPT_MAX] for name, values in references.items() if values
    }
    counts = {n: len(values) for n, values in references.items() if len(values) > KEPT_MAX}
    return {**evidence, "counts": counts} if counts else evidence


def _withdrawn(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a withdrawn record: amounts in minor units, its source, and what withdrew it."""
    return {
        "record": row["record_id"],
        "stake_minor": str(row["stake"]),
        "payout_minor": str(row["payout"]),
        "told_by": row["source"],
        "told_at": row["received_at"],
        "withdrawn_by": row["changed_by"],
        "withdrawn_at": row["changed_at"],
    }
