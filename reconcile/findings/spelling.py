"""Rollbacks that name their round in another spelling than it has.

A round that only we rolled back is one ``status_mismatch``. If the provider reports a rollback
of an id that differs only by case or blanks, of which nobody has a round, it is the cause.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from breaks.kinds import BreakKind
from feeds.statements.reading.cells import shown
from reconcile.findings.breaks import Break
from reconcile.findings.id_settings import joining_settings
from reconcile.matching.spelling import same_spelling
from reconcile.snapshot.snapshot import Snapshot

# Match keys include the provider.
_ROLLBACKS = """
SELECT f.record_id, f.round_id, f.currency
  FROM feed_records f
 WHERE f.provider = {provider} AND f.created_at >= {start} AND f.created_at < {end}
   AND f.rolled_back AND f.occurrence = 1
   AND NOT EXISTS (SELECT FROM feed_records o
                    WHERE o.match_key = f.match_key AND NOT o.rolled_back)
   AND NOT EXISTS (SELECT FROM rounds r WHERE r.match_key = f.match_key)
 ORDER BY f.record_id
"""


def with_rollbacks_named(snapshot: Snapshot, breaks: Sequence[Break]) -> list[Break]:
    """Add the only rollback of another spelling to the breaks of rounds that only we undid."""
    if not any(_is_undone_by_us(break_) for break_ in breaks):
        return list(breaks)
    rollbacks: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in snapshot.query(_ROLLBACKS):
        spelling = (same_spelling(row["round_id"]), row["currency"])
        rollbacks.setdefault(spelling, []).append(row)
    return [
        _named(break_, rollbacks.get(_spelling(break_), ()), snapshot.provider)
        if _is_undone_by_us(break_)
        else break_
        for break_ in breaks
    ]


def _is_undone_by_us(break_: Break) -> bool:
    is_undone = break_.ours is not None and bool(break_.ours.get("rolled_back"))
    return break_.kind is BreakKind.STATUS and is_undone


def _spelling(break_: Break) -> tuple[str, str]:
    return same_spelling(break_.alias or break_.round_id), break_.currency


def _named(break_: Break, rollbacks: Sequence[dict[str, Any]], provider: str) -> Break:
    if len(rollbacks) != 1:
        return break_
    (rollback,) = rollbacks
    sentence = (
        f"{break_.explanation} {provider} reports the rollback {shown(rollback['record_id'])}"
        f" of round {shown(rollback['round_id'])}, an id that differs only by case or blanks;"
        f" {joining_settings(break_.round_id, rollback['round_id'])}."
    )
    records = [*break_.evidence.get("records", ()), rollback["record_id"]]
    return replace(
        break_, explanation=sentence, evidence={**break_.evidence, "records": records}
    )
