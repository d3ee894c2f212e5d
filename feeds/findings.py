"""Findings: what is wrong with feeds. A finding stays open until its cause is gone.

Whoever checks a file, a pull or a closed day records all of its findings at once, under one
*scope*. Findings of an earlier check of the same scope that are not among them are resolved.
An event that is over, such as a late record, is resolved from the start.

A run gets the open findings about its window, and those about an unknown time: an unreadable
record may belong to any day.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, text

from feeds.finding_kinds import FindingKind
from storage.audit import record
from vocabulary.errors import Refused
from vocabulary.window import Window

#: Findings of one kind and scope that are kept singly; the rest become one with a count.
KEPT_MAX = 1_000


class Severity(StrEnum):
    """Whether records of the provider may be missing (error), or all are stored (warning)."""

    ERROR = "error"
    WARNING = "warning"


#: Kinds of findings after which every reported record is stored.
_WARNINGS = frozenset(
    {FindingKind.DUPLICATED_KEY, FindingKind.LATE_RECORD, FindingKind.NOT_TOLD_AGAIN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFinding:
    """A finding of a check, not stored yet.

    Attributes:
        detail: one sentence; never the content of an unreadable record.
        file, line: its place; the 1-based line of a text file or row of a sheet.
        record_id, round_id, currency: what it is about, as far as known.
        difference: after less before, in the player's favour, in minor units.
        covers: the time it is about; None: not known.
        evidence: JSON values that show it, such as the record before and after.
        is_resolved: it is about an event that is over; nothing is open.
    """

    kind: FindingKind
    detail: str
    file: str | None = None
    line: int | None = None
    record_id: str | None = None
    round_id: str | None = None
    currency: str | None = None
    difference: int | None = None
    covers: Window | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    is_resolved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFinding(NewFinding):
    """A stored finding; ``id`` is the same whenever the same finding is made again."""

    id: str
    provider: str
    feed: str
    severity: Severity
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    resolved_by: str | None

    @property
    def version(self) -> str:
        """Changes whenever the finding is made again or resolved."""
        parts = (self.last_seen, self.resolved_at, self.detail)
        return blake2b(ascii(parts).encode(), digest_size=10).hexdigest()


_Finding = TypeVar("_Finding", bound=NewFinding)

# What a person resolved was about the figures of then.
_STAYS_RESOLVED = """
    (f.resolved_by IS NOT NULL AND f.evidence = EXCLUDED.evidence
     AND f.difference IS NOT DISTINCT FROM EXCLUDED.difference)
"""
_UPSERT = f"""
INSERT INTO feed_findings AS f
       (finding_id, provider, feed, scope, kind, severity, file, line, record_id, round_id,
        currency, difference, covers_from, covers_to, detail, evidence, first_seen, last_seen,
        resolved_at)
VALUES (:id, :provider, :feed, :scope, :kind, :severity, :file, :line, :record_id, :round_id,
        :currency, :difference, :covers_from, :covers_to, :detail, cast(:evidence AS jsonb),
        :now, :now, :resolved_at)
ON CONFLICT ON CONSTRAINT feed_findings_pkey DO UPDATE SET
    last_seen = EXCLUDED.last_seen, evidence = EXCLUDED.evidence,
    round_id = EXCLUDED.round_id, currency = EXCLUDED.currency,
    difference = EXCLUDED.difference, covers_from = EXCLUDED.covers_from,
    covers_to = EXCLUDED.covers_to,
    resolved_at = CASE WHEN {_STAYS_RESOLVED} THEN f.resolved_at
                       ELSE EXCLUDED.resolved_at END,
    resolved_by = CASE WHEN {_STAYS_RESOLVED} THEN f.resolved_by END
"""  # noqa: S608 - only the constant above is put in
_RESOLVE_OTHERS = """
UPDATE feed_findings SET resolved_at = :now
 WHERE provider = :provider AND feed = :feed AND scope = :scope AND resolved_at IS NULL
   AND finding_id <> ALL (cast(:open_ids AS text[]))
   AND (cast(:since AS timestamptz) IS NULL
        OR (covers_from >= :since AND covers_to <= cast(:until AS timestamptz)))
"""
_EVIDENCE = """
SELECT evidence FROM feed_findings
 WHERE provider = :provider AND feed = :feed AND scope = :scope
"""
_RESOLVE_SCOPES = """
UPDATE feed_findings SET resolved_at = :now
 WHERE provider = :provider AND feed = :feed AND scope = ANY (cast(:scopes AS text[]))
   AND resolved_at IS NULL
"""
_RESOLVE_BY_PERSON = """
UPDATE feed_findings SET resolved_at = :now, resolved_by = :by
 WHERE finding_id = :id AND resolved_at IS NULL
"""
_COLUMNS = (
    "finding_id AS id, provider, feed, kind, severity, file, line, record_id, round_id,"
    " currency, difference, covers_from, covers_to, detail, evidence, first_seen, last_seen,"
    " resolved_at, resolved_by"
)
_IN_WINDOW = f"""
SELECT {_COLUMNS} FROM feed_findings
 WHERE provider = :provider AND resolved_at IS NULL
   AND (covers_from IS NULL OR covers_from < :until)
   AND (covers_to IS NULL OR covers_to > :since)
   AND (CAST(:rounds AS text[]) IS NULL OR round_id = ANY (CAST(:rounds AS text[])))
 ORDER BY kind, file NULLS FIRST, line NULLS FIRST, record_id NULLS FIRST, finding_id
"""  # noqa: S608 - only the constant above is put in
_OPEN = f"""
SELECT {_COLUMNS} FROM feed_findings WHERE resolved_at IS NULL
 ORDER BY provider, feed, kind, file NULLS FIRST, line NULLS FIRST, record_id NULLS FIRST,
       finding_id
"""  # noqa: S608 - only the constant above is put in


_OF_PROVIDER = f"""
SELECT {_COLUMNS} FROM feed_findings WHERE provider = :provider AND resolved_at IS NULL
   AND (CAST(:severity AS text) IS NULL OR severity > :severity
        OR severity = :severity AND (last_seen < CAST(:last_seen AS timestamptz)
                                     OR last_seen = :last_seen AND finding_id > :id))
 ORDER BY severity, last_seen DESC, finding_id LIMIT :most
"""  # noqa: S608 - only the constant above is put in


_NAMED = f"SELECT {_COLUMNS} FROM feed_findings WHERE finding_id = :id"  # noqa: S608 - as above


def by_kind(findings: Iterable[_Finding]) -> dict[FindingKind, list[_Finding]]:
    """The findings by their kind, in order of appearance."""
    kinds: dict[FindingKind, list[_Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    return kinds


def findings_in(
    connection: Connection,
    provider: str,
    window: Window,
    *,
    rounds: Collection[str] | None = None,
) -> list[FeedFinding]:
    """Open findings about the window or about an unknown time, in a fixed order.

    ``rounds``: only findings about these round ids.
    """
    params = {
        "provider": provider,
        "since": window.start,
        "until": window.end,
        "rounds": None if rounds is None else sorted(rounds),
    }
    return [_stored_finding(row) for row in connection.execute(text(_IN_WINDOW), params)]


def open_findings(connection: Connection) -> list[FeedFinding]:
    """Open findings of every provider."""
    return [_stored_finding(row) for row in connection.execute(text(_OPEN))]


def findings_of(
    connection: Connection, provider: str, *, most: int, after: FeedFinding | None = None
) -> list[FeedFinding]:
    """Open findings of one provider, or those after one: errors first, the newest first."""
    params = {
        "provider": provider,
        "most": most,
        "severity": after and after.severity,
        "last_seen": after and after.last_seen,
        "id": after and after.id,
    }
    return [_stored_finding(row) for row in connection.execute(text(_OF_PROVIDER), params)]


def finding_named(connection: Connection, finding_id: str) -> FeedFinding | None:
    """A finding by its id, open or resolved; None: there is none."""
    row = connection.execute(text(_NAMED), {"id": finding_id}).one_or_none()
    return None if row is None else _stored_finding(row)


def lock_finding(connection: Connection, finding_id: str) -> FeedFinding | None:
    """A finding that nobody else changes until the transaction ends; None: there is none."""
    row = connection.execute(text(f"{_NAMED} FOR UPDATE"), {"id": finding_id}).one_or_none()
    return None if row is None else _stored_finding(row)


def record_findings(
    connection: Connection,
    provider: str,
    feed: str,
    *,
    scope: str,
    findings: Iterable[NewFinding],
    now: datetime,
    checked: Window | None = None,
) -> None:
    """Store all findings of one scope and resolve its earlier ones that are not among them.

    Of a kind at most ``KEPT_MAX`` are stored singly, and one for the rest. If only a window was
    ``checked``, earlier findings that reach outside it are left alone.
    """
    rows = [_row(finding, provider, feed, scope, now) for finding in _limited(findings)]
    if rows:
        connection.execute(text(_UPSERT), rows)
    params = {
        "provider": provider,
        "feed": feed,
        "scope": scope,
        "open_ids": [row["id"] for row in rows],
        "now": now,
        "since": checked and checked.start,
        "until": checked and checked.end,
    }
    connection.execute(text(_RESOLVE_OTHERS), params)


def evidence_of(
    connection: Connection, provider: str, feed: str, *, scope: str
) -> dict[str, Any]:
    """The evidence of the one finding of a scope; empty if there is none."""
    params = {"provider": provider, "feed": feed, "scope": scope}
    row = connection.execute(text(_EVIDENCE), params).first()
    return {} if row is None else dict(row.evidence)


def add_finding(
    connection: Connection,
    provider: str,
    feed: str,
    *,
    scope: str,
    finding: NewFinding,
    now: datetime,
) -> None:
    """Store one finding and leave the others of its scope as they are."""
    connection.execute(text(_UPSERT), [_row(finding, provider, feed, scope, now)])


def resolve_scopes(
    connection: Connection, provider: str, feed: str, *, scopes: Sequence[str], now: datetime
) -> None:
    """Resolve every open finding of these scopes: nothing is wrong with them any more."""
    params = {"provider": provider, "feed": feed, "scopes": list(scopes), "now": now}
    connection.execute(text(_RESOLVE_SCOPES), params)


def resolve_for_reason(
    connection: Connection, finding_id: str, *, by: str, reason: str, now: datetime
) -> None:
    """Resolve a finding for a person's reason, with its row of the audit trail.

    Raises:
        Refused: no open finding has this id.
    """
    resolve_finding(connection, finding_id, by=f"{by}: {reason}", now=now)
    record(connection, by, "feed.finding_resolved", finding_id, {"reason": reason})


def resolve_finding(connection: Connection, finding_id: str, *, by: str, now: datetime) -> None:
    """Resolve a finding by decision of a person; made again, it stays resolved.

    With other figures or further evidence it is open again.

    Raises:
        Refused: no open finding has this id.
    """
    params = {"id": finding_id, "by": by, "now": now}
    if connection.execute(text(_RESOLVE_BY_PERSON), params).rowcount == 0:
        raise Refused(f"no finding {finding_id} is open")


def severity_of(kind: FindingKind) -> Severity:
    """The severity of a kind."""
    return Severity.WARNING if kind in _WARNINGS else Severity.ERROR


def _limited(findings: Iterable[NewFinding]) -> Iterator[NewFinding]:
    """The first findings of every kind, then one with the count of the rest."""
    counts: dict[FindingKind, int] = {}
    last_of: dict[FindingKind, NewFinding] = {}
    for finding in findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
        if counts[finding.kind] <= KEPT_MAX:
            yield finding
        else:
            last_of[finding.kind] = finding
    for kind, last in last_of.items():
        rest = counts[kind] - KEPT_MAX
        yield NewFinding(
            kind=kind,
            detail=f"and {rest} more of this kind",
            file=last.file,
            is_resolved=last.is_resolved,
            evidence={"more": rest},
        )


def _row(
    finding: NewFinding, provider: str, feed: str, scope: str, now: datetime
) -> dict[str, object]:
    return {
        "id": _id(finding, provider, feed, scope),
        "provider": provider,
        "feed": feed,
        "scope": scope,
        "kind": str(finding.kind),
        "severity": str(severity_of(finding.kind)),
        "file": finding.file,
        "line": finding.line,
        "record_id": finding.record_id,
        "round_id": finding.round_id,
        "currency": finding.currency,
        "difference": finding.difference,
        "covers_from": finding.covers and finding.covers.start,
        "covers_to": finding.covers and finding.covers.end,
        "detail": finding.detail,
        "evidence": json.dumps(dict(finding.evidence)),
        "now": now,
        "resolved_at": now if finding.is_resolved else None,
    }


def _id(finding: NewFinding, provider: str, feed: str, scope: str) -> str:
    place = (finding.file, finding.line, finding.record_id)
    identity = ascii((provider, feed, scope, str(finding.kind), *place, finding.detail))
    return "fnd-" + blake2b(identity.encode(), digest_size=10).hexdigest()


def _stored_finding(row: Row[Any]) -> FeedFinding:
    values = dict(row._mapping)
    start, end = values.pop("covers_from"), values.pop("covers_to")
    return FeedFinding(
        **{
            **values,
            "kind": FindingKind(values["kind"]),
            "severity": Severity(values["severity"]),
            "covers": Window(start=start, end=end) if start and end else None,
            "is_resolved": values["resolved_at"] is not None,
        }
    )
