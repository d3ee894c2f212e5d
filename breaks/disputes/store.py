"""Read disputes with their lines, packs and answers.

Tables read: ``disputes``, ``dispute_lines``, ``dispute_exports``, ``dispute_answers``,
``breaks``, ``break_workflows``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from breaks.disputes.model import (
    AnswerKind,
    BreakPosition,
    Dispute,
    DisputeAnswer,
    DisputeExport,
    DisputeLine,
    RoundAmounts,
    state_of,
)
from breaks.impact import effects_of
from breaks.kinds import BreakKind
from breaks.states import ActionRefused, BreakState, settled_states

_DISPUTES = """
SELECT d.dispute_id, d.provider, d.note, d.opened_by, d.opened_at FROM disputes d
 WHERE {condition} AND (CAST(:provider AS text) IS NULL OR d.provider = :provider)
 ORDER BY d.opening_no LIMIT :most
"""
_ANY = "true"
_NAMED = "d.dispute_id = ANY(CAST(:ids AS text[]))"
#: A line is unanswered: the same as ``state_of`` says. OFFSET keeps each step a lookup whatever
#: statistics say: without any, all disputes were joined with all breaks that wait.
WAITING = """EXISTS (
  SELECT FROM (SELECT x.dispute_id, x.line, x.break_id FROM dispute_lines x
                WHERE x.dispute_id = d.dispute_id OFFSET 0) l
   CROSS JOIN LATERAL (SELECT FROM break_workflows w
                        WHERE w.break_id = l.break_id AND w.state = 'waiting'
                          AND w.since <= d.opened_at OFFSET 0) w
   CROSS JOIN LATERAL (SELECT FROM breaks b
                        WHERE b.break_id = l.break_id AND b.cleared_at IS NULL OFFSET 0) b
   WHERE NOT EXISTS (SELECT FROM dispute_answers a
                      WHERE a.dispute_id = l.dispute_id AND a.line = l.line OFFSET 0)
     AND NOT EXISTS (SELECT FROM dispute_lines n JOIN disputes m USING (dispute_id)
                      WHERE n.break_id = l.break_id AND m.opening_no > d.opening_no OFFSET 0)
  OFFSET 0)"""
#: The money of any other line ``l`` is not between the sides any more.
CLAIMED_LINE = "w.state <> ALL(CAST(:settled AS text[])) AND b.cleared_at IS NULL"
_CLAIMED = f"""d.dispute_id IN (
  SELECT l.dispute_id FROM dispute_lines l JOIN breaks b USING (break_id)
    JOIN break_workflows w USING (break_id) WHERE {CLAIMED_LINE})"""  # noqa: S608 - ours
_LINES = """
SELECT l.*, d.opened_at, b.kind AS kind_now, b.difference AS break_difference,
       b.cleared_at IS NOT NULL AS is_cleared, w.state, w.since,
       w.opened_at AS break_opened_at,
       EXISTS (SELECT FROM dispute_lines n JOIN disputes m USING (dispute_id)
                WHERE n.break_id = l.break_id
                  AND m.opening_no > d.opening_no)
         AS is_disputed_later,
       a.answer, a.reference, a.comment, a.file, a.file_sha256, a.file_line, a.imported_by,
       a.imported_at
  FROM dispute_lines l
  JOIN disputes d USING (dispute_id)
  JOIN breaks b USING (break_id)
  JOIN break_workflows w USING (break_id)
  LEFT JOIN dispute_answers a USING (dispute_id, line)
 WHERE l.dispute_id = ANY(CAST(:ids AS text[])) AND {condition}
 ORDER BY l.dispute_id, l.line
"""
_EXPORTS = """
SELECT dispute_id, number, exported_by, exported_at, due_at, document_sha256, pack_sha256,
       octet_length(pack) AS size
  FROM dispute_exports WHERE dispute_id = ANY(CAST(:ids AS text[])) ORDER BY number
"""
_OF_BREAK = """
SELECT d.dispute_id, d.opened_by, d.opened_at, l.line, l.currency, l.difference, a.answer,
       a.comment
  FROM dispute_lines l
  JOIN disputes d USING (dispute_id)
  LEFT JOIN dispute_answers a USING (dispute_id, line)
 WHERE l.break_id = :id ORDER BY d.opening_no
"""
_LOCK = "SELECT dispute_id FROM disputes WHERE dispute_id = :id FOR UPDATE"
# In the order in which whoever moves breaks locks them.
_LOCK_BREAKS = """
SELECT FROM break_workflows w
 WHERE w.break_id IN (SELECT l.break_id FROM dispute_lines l
                       WHERE l.dispute_id = ANY(CAST(:ids AS text[])))
 ORDER BY w.break_id FOR UPDATE
"""
_ANSWER = (
    *("answer", "reference", "comment", "file", "file_sha256", "file_line", "imported_by"),
    "imported_at",
)
_LINE = ("dispute_id", "line", "break_id", "round_id", "alias", "currency", "difference")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeOfBreak:
    """A dispute that a break is part of.

    Attributes:
        difference: as it was put before the provider, its GGR less ours, minor units.
        answer: what the provider answered to the line; None: nothing yet.
    """

    dispute_id: str
    opened_by: str
    opened_at: datetime
    line: int
    currency: str
    difference: int
    answer: str | None
    comment: str | None


def disputes_of_break(connection: Connection, break_id: str) -> list[DisputeOfBreak]:
    """The disputes that a break is part of, the oldest first."""
    rows = connection.execute(text(_OF_BREAK), {"id": break_id}).mappings()
    return [DisputeOfBreak(**row) for row in rows]


def list_disputes(
    connection: Connection,
    *,
    provider: str | None = None,
    waiting: bool = False,
    limit: int | None = None,
) -> list[Dispute]:
    """Disputes of all providers or of one; the oldest first.

    Args:
        connection: reads the database.
        provider: only of this one.
        waiting: only those in which a line is not answered.
        limit: at most so many; None: all.
    """
    condition = WAITING if waiting else _ANY
    return _read(connection, condition, {"provider": provider, "most": limit})


def claimed_disputes(connection: Connection, *, provider: str | None = None) -> list[Dispute]:
    """The disputes with money between the sides, and only those of their lines."""
    params = {"provider": provider, "settled": settled_states()}
    disputes = _read(connection, _CLAIMED, params, lines=CLAIMED_LINE)
    return [
        replace(dispute, lines=claimed)
        for dispute in disputes
        if (claimed := tuple(line for line in dispute.lines if line.is_claimed))
    ]


def disputes_named(connection: Connection, ids: Iterable[str]) -> dict[str, Dispute]:
    """Those of the disputes that there are, by id."""
    disputes = _read(connection, _NAMED, {"ids": sorted(set(ids))})
    return {dispute.dispute_id: dispute for dispute in disputes}


def get_dispute(connection: Connection, dispute_id: str) -> Dispute:
    """One dispute.

    Raises:
        ActionRefused: there is none with this id.
    """
    dispute = disputes_named(connection, [dispute_id]).get(dispute_id)
    if dispute is None:
        raise ActionRefused(f"there is no dispute {dispute_id}: tieout dispute list shows them")
    return dispute


def lock_dispute(connection: Connection, dispute_id: str) -> None:
    """Keep other transactions from exporting or answering it until this one ends."""
    connection.execute(text(_LOCK), {"id": dispute_id})


def lock_breaks_of(connection: Connection, dispute_ids: Iterable[str]) -> None:
    """Keep other transactions from moving the breaks of disputes until this one ends."""
    connection.execute(text(_LOCK_BREAKS), {"ids": sorted(set(dispute_ids))})


def _read(
    connection: Connection, condition: str, params: Mapping[str, Any], *, lines: str = _ANY
) -> list[Dispute]:
    """The disputes that meet a condition, with those of their lines that meet another one."""
    chosen = {"provider": None, "most": None, **params}
    query = text(_DISPUTES.format(condition=condition))
    heads = [dict(row) for row in connection.execute(query, chosen).mappings()]
    chosen["ids"] = [head["dispute_id"] for head in heads]
    by_dispute: dict[str, list[DisputeLine]] = defaultdict(list)
    for row in connection.execute(text(_LINES.format(condition=lines)), chosen).mappings():
        by_dispute[row["dispute_id"]].append(_line(row))
    exports: dict[str, list[DisputeExport]] = defaultdict(list)
    for row in connection.execute(text(_EXPORTS), chosen).mappings():
        values = dict(row)
        exports[values.pop("dispute_id")].append(DisputeExport(**values))
    return [
        Dispute(
            **head,
            lines=tuple(by_dispute[head["dispute_id"]]),
            exports=tuple(exports[head["dispute_id"]]),
        )
        for head in heads
    ]


def _line(row: RowMapping) -> DisputeLine:
    answer = _answer(row)
    position = BreakPosition(
        state=BreakState(row["state"]),
        since=row["since"],
        opened_at=row["break_opened_at"],
        is_cleared=row["is_cleared"],
        is_disputed_later=row["is_disputed_later"],
    )
    kind_now = BreakKind(row["kind_now"])
    return DisputeLine(
        **{name: row[name] for name in _LINE},
        kind=BreakKind(row["kind"]),
        ours=_amounts(row, "our"),
        theirs=_amounts(row, "their"),
        difference_now=effects_of(kind_now, row["break_difference"]).invoice,
        began_at=row["began_at"],
        state=state_of(
            None if answer is None else answer.answer, position, opened_at=row["opened_at"]
        ),
        answer=answer,
    )


def _answer(row: RowMapping) -> DisputeAnswer | None:
    if row["answer"] is None:
        return None
    values = {name: row[name] for name in _ANSWER}
    return DisputeAnswer(**{**values, "answer": AnswerKind(row["answer"])})


def _amounts(row: RowMapping, side: str) -> RoundAmounts | None:
    stake, payout = row[f"{side}_stake"], row[f"{side}_payout"]
    return None if stake is None else RoundAmounts(stake=stake, payout=payout)
