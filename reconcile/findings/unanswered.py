"""Rounds that are missing at the provider because our answer never reached it.

A booking whose answer was not sent, or was "retry later", may be unknown to a provider that
sends each operation only once. Such a round has a kind of its own. Where only some movements of
a round are unanswered, its break keeps its kind and its sentence names them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from breaks.kinds import OF_BOOKS, BreakKind
from reconcile.snapshot.shared_rounds import round_of
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.clock import iso

_UNANSWERED = """
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

#: Round, player and currency of a row of ours.
_Place = tuple[str, str, str]


def with_unanswered(snapshot: Snapshot, breaks: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``Classified.breaks`` with a column ``unanswered``, and kinds by it.

    The column says which movements of the round have no answer; it is empty where all have. A
    round missing at the provider is an unanswered operation if no other movement made its net.
    """
    rows = breaks["kind"].isin(_KINDS) & breaks["records_ours"].notna()
    unanswered = snapshot.query(_UNANSWERED) if rows.any() else []
    rows &= breaks["match_key"].isin([row["match_key"] for row in unanswered])
    operations = _by_place(unanswered)
    sentences = np.full(len(breaks), "", dtype=object)
    kinds = breaks["kind"].to_numpy(dtype=object, copy=True)
    for position in np.flatnonzero(rows):
        row = breaks.iloc[position]
        of_row = operations.get((round_of(row.round_id), row.player_ours, row.currency))
        if of_row is None:
            continue
        sentences[position] = _sentence(of_row)
        if row.kind == BreakKind.MISSING_AT_PROVIDER and _is_all(row, of_row):
            kinds[position] = str(BreakKind.UNANSWERED)
    return breaks.assign(
        kind=pd.Series(kinds, index=breaks.index, dtype=breaks["kind"].dtype),
        unanswered=sentences,
    )


def _by_place(rows: Iterable[dict[str, Any]]) -> dict[_Place, list[dict[str, Any]]]:
    places: dict[_Place, list[dict[str, Any]]] = {}
    for row in rows:
        places.setdefault((row["round_id"], row["player"], row["currency"]), []).append(row)
    return places


def _is_all(row: Any, operations: Sequence[Mapping[str, Any]]) -> bool:
    """Whether these operations alone make the round's stake and payout."""
    stake, payout = (sum(op[side] for op in operations) for side in ("stake", "payout"))
    return bool((stake, payout) == (row.stake_ours, row.payout_ours))


def _sentence(operations: Sequence[Mapping[str, Any]]) -> str:
    first = operations[0]
    further = len(operations) - 1
    more = f" (and {further} more of the round)" if further else ""
    return (
        f"The {first['kind'].replace('_', ' ')} {first['op_key']}, booked at"
        f" {iso(first['received_at'])}, {_CAUSES[first['cause']]}{more}."
    )
