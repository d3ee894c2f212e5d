"""Rounds that are missing at the provider because our answer never reached it.

A booking whose answer was not sent, or was "retry later", may be unknown to a provider that
sends each operation only once. Such a round has a kind of its own. Where only some movements of
a round are unanswered, its break keeps its kind and its sentence names them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from breaks.kinds import OF_BOOKS, BreakKind
from reconcile.snapshot.arrays import present, python_values, text_column, texts
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.shared_rounds import round_of
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.clock import iso

UNANSWERED = """
SELECT u.match_key, u.round_id, w.player, u.currency, u.op_key, u.kind::text AS kind,
       u.stake, u.payout, u.received_at, u.cause
  FROM unanswered_operations u JOIN wallets w USING (wallet_id)
 WHERE u.provider = {provider}
 ORDER BY u.wallet_id, u.wallet_seq
"""
#: Why an answer is missing, by the cause that the database derives.
_CAUSES: Mapping[str, str] = {
    "commit_unknown": "was answered 'retry later', as the outcome of its commit was unknown",
    "receiver_stopped": "was never answered as the receiver was stopped",
    "connection_closed": "was never answered as the provider closed the connection",
}
_KINDS = sorted(str(kind) for kind in OF_BOOKS)
_READ = ("round_id", "player_ours", "currency", "stake_ours", "payout_ours")

#: Round, player and currency of a row of ours.
_Place = tuple[str, str, str]


def with_unanswered(snapshot: Snapshot, breaks: Columns) -> Columns:
    """The rows of ``Classified.break_rows`` with a column ``unanswered``, and kinds by it.

    The column says which movements of the round have no answer; it is empty where all have. A
    round missing at the provider is an unanswered operation if no other movement made its net.
    """
    kinds = texts(breaks["kind"]).copy()
    sentences = np.full(len(breaks), "", dtype=object)
    rows = np.isin(kinds, _KINDS) & present(breaks["records_ours"])
    unanswered = snapshot.query(UNANSWERED) if rows.any() else []
    keys = np.array([row["match_key"] for row in unanswered], dtype=np.int64)
    positions = np.flatnonzero(rows & np.isin(breaks["match_key"], keys))
    operations = _by_place(unanswered)
    columns = (python_values(breaks[name].take(positions)) for name in _READ)
    for position, name, player, currency, *moved in zip(positions, *columns, strict=True):
        of_row = operations.get((round_of(name), player, currency))
        if of_row is None:
            continue
        sentences[position] = _sentence(of_row)
        if kinds[position] == BreakKind.MISSING_AT_PROVIDER and _moved_by(of_row) == moved:
            kinds[position] = str(BreakKind.UNANSWERED)
    return breaks.assign(
        kind=text_column(pa.array(kinds, type=pa.large_string())), unanswered=sentences
    )


def _by_place(rows: Iterable[dict[str, Any]]) -> dict[_Place, list[dict[str, Any]]]:
    places: dict[_Place, list[dict[str, Any]]] = {}
    for row in rows:
        places.setdefault((row["round_id"], row["player"], row["currency"]), []).append(row)
    return places


def _moved_by(operations: Sequence[Mapping[str, Any]]) -> list[int]:
    """Add up the stake and payout of some operations."""
    return [sum(op[side] for op in operations) for side in ("stake", "payout")]


def _sentence(operations: Sequence[Mapping[str, Any]]) -> str:
    first = operations[0]
    further = len(operations) - 1
    more = f" (and {further} more of the round)" if further else ""
    return (
        f"The {first['kind'].replace('_', ' ')} {first['op_key']}, booked at"
        f" {iso(first['received_at'])}, {_CAUSES[first['cause']]}{more}."
    )
