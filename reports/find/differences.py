"""Look up breaks, write-offs, disputes and runs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from reports.find.hits import Hit, SearchScope
from reports.find.lookup import at, fetch, rows_of_amount
from reports.find.query import Candidate, FoundKind
from vocabulary.plurals import counted

_BREAK = """
SELECT b.break_id, b.provider, b.kind, b.player, b.currency, b.round_id, b.difference,
       b.explanation, b.run_id, b.began_at, b.first_seen, b.cleared_at, l.state, l.assignee
  FROM breaks b JOIN break_workflows l USING (break_id)
 {where} ORDER BY {order} LIMIT :limit
"""
_BREAK_BY_ID = _BREAK.format(
    where="WHERE b.break_id >= :text AND b.break_id < :beyond", order="b.break_id"
)
_BREAK_BY_AMOUNT = _BREAK.format(
    where="WHERE b.currency = :currency AND b.difference IN (d.minor, -d.minor)"
    " AND b.provider = d.slug AND b.began_at >= d.start_at AND b.began_at < d.end_at",
    order="b.began_at, b.break_id",
)
_WRITE_OFF = """
SELECT write_off_id, break_id, provider, round_id, currency, amount, reason, state, proposed_by,
       proposed_at, decided_by, reversed_by
  FROM write_offs
 WHERE write_off_id >= :text AND write_off_id < :beyond ORDER BY write_off_id LIMIT :limit
"""
_DISPUTE = """
SELECT d.dispute_id, d.provider, d.note, d.opened_by, d.opened_at,
       (SELECT count(*) FROM dispute_lines l WHERE l.dispute_id = d.dispute_id) AS lines,
       (SELECT count(*) FROM dispute_answers a WHERE a.dispute_id = d.dispute_id) AS answers,
       (SELECT max(number) FROM dispute_exports e WHERE e.dispute_id = d.dispute_id) AS pack
  FROM disputes d
 WHERE d.dispute_id >= :text AND d.dispute_id < :beyond ORDER BY d.dispute_id LIMIT :limit
"""
_RUN = """
SELECT run_id, provider, window_from, window_to, started_at, finished_at, whole,
       (SELECT count(*) FILTER (WHERE b.cleared_at IS NULL) FROM breaks b
         WHERE b.run_id = r.run_id) AS last_found
  FROM runs r
 WHERE run_id >= :text AND run_id < :beyond ORDER BY run_id LIMIT :limit
"""


def breaks(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Breaks by their id, or its prefix."""
    parameters = {"text": candidate.text, "beyond": candidate.end, "limit": scope.limit}
    return [
        _break(row, scope, exact=row["break_id"] == candidate.text)
        for row in fetch(connection, _BREAK_BY_ID, parameters)
    ]


def breaks_of_amount(
    connection: Connection, candidate: Candidate, scope: SearchScope
) -> list[Hit]:
    """Breaks of a day that differ by an amount, either way."""
    rows = rows_of_amount(connection, _BREAK_BY_AMOUNT, candidate, scope)
    return [_break(row, scope, exact=False) for row in rows]


def _break(row: Mapping[str, Any], scope: SearchScope, *, exact: bool) -> Hit:
    name = row["break_id"]
    difference = scope.money(row["difference"], row["currency"], row["provider"])
    gone = f", gone since {at(row['cleared_at'])}" if row["cleared_at"] else ""
    return Hit(
        kind=FoundKind.BREAK,
        id=name,
        provider=row["provider"],
        summary=f"{row['kind'].replace('_', ' ')} at {row['provider']}: {difference},"
        f" {row['state'].replace('_', ' ')}{gone}",
        facts={
            "what": row["explanation"],
            "player": row["player"] or "unknown",
            "round": row["round_id"],
            "began": at(row["began_at"]) or "not known",
            "assignee": row["assignee"] or "nobody",
            "run": row["run_id"],
        },
        next=(f"tieout breaks show {name}", f"tieout find round {row['round_id']}"),
        exact=exact,
    )


def write_offs(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Write-offs by their id, or its prefix."""
    parameters = {"text": candidate.text, "beyond": candidate.end, "limit": scope.limit}
    return [
        _write_off(row, scope, exact=row["write_off_id"] == candidate.text)
        for row in fetch(connection, _WRITE_OFF, parameters)
    ]


def _write_off(row: Mapping[str, Any], scope: SearchScope, *, exact: bool) -> Hit:
    amount = scope.money(row["amount"], row["currency"], row["provider"])
    return Hit(
        kind=FoundKind.WRITE_OFF,
        id=row["write_off_id"],
        provider=row["provider"],
        summary=f"write-off of {amount} at {row['provider']}, {row['state']}: {row['reason']}",
        facts={
            "proposed": f"by {row['proposed_by']} at {at(row['proposed_at'])}",
            "decided": f"by {row['decided_by']}" if row["decided_by"] else "not yet",
            "reversed": f"by {row['reversed_by']}" if row["reversed_by"] else "no",
            "round": row["round_id"],
            "break": row["break_id"],
        },
        next=(f"tieout breaks show {row['break_id']}", "tieout ledger residuals"),
        exact=exact,
    )


def disputes(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Disputes by their id, or its prefix."""
    parameters = {"text": candidate.text, "beyond": candidate.end, "limit": scope.limit}
    return [
        _dispute(row, exact=row["dispute_id"] == candidate.text)
        for row in fetch(connection, _DISPUTE, parameters)
    ]


def _dispute(row: Mapping[str, Any], *, exact: bool) -> Hit:
    name = row["dispute_id"]
    return Hit(
        kind=FoundKind.DISPUTE,
        id=name,
        provider=row["provider"],
        summary=f"dispute with {row['provider']}: {counted(row['lines'], 'round')},"
        f" {row['answers']} answered",
        facts={
            "opened": f"by {row['opened_by']} at {at(row['opened_at'])}",
            "pack": "none yet" if row["pack"] is None else str(row["pack"]),
            "note": row["note"] or "none",
        },
        next=(f"tieout dispute show {name}", f"tieout dispute export {name}"),
        exact=exact,
    )


def runs(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Runs by their id, or its prefix."""
    parameters = {"text": candidate.text, "beyond": candidate.end, "limit": scope.limit}
    return [
        _run(row, exact=row["run_id"] == candidate.text)
        for row in fetch(connection, _RUN, parameters)
    ]


def _run(row: Mapping[str, Any], *, exact: bool) -> Hit:
    name = row["run_id"]
    kind = "reconciliation" if row["whole"] else "incremental reconciliation"
    return Hit(
        kind=FoundKind.RUN,
        id=name,
        provider=row["provider"],
        summary=f"{kind} of {row['provider']}, {at(row['window_from'])} to"
        f" {at(row['window_to'])}",
        facts={
            "ran": f"{at(row['started_at'])} to {at(row['finished_at'])}",
            "breaks": f"{row['last_found']} that no later run has found or cleared",
        },
        next=(f"tieout breaks list --run {name}", f"tieout reconcile verify {name}"),
        exact=exact,
    )
