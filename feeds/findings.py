"""What feeds did wrong: kept, open until it no longer holds, and told to every run it concerns.

A finding is a value. Whoever looks at a file, a pull or a closed day says everything that is
wrong with it at once, under one *scope*; what was said of the same scope before and is not said
again is resolved. So a finding goes away by being cured, never by waiting. Something that
happened and is over, such as a record that came late, is kept as resolved from the start.

A run asks ``findings(connection, provider, window)`` and gets what is open and speaks of its
window, or of a time nobody knows: what could not be read may belong to any day.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, text

from vocabulary.errors import Refused
from vocabulary.window import Window

#: Findings of one kind and scope kept one by one; further ones are one finding with a count.
KEPT_MAX = 1_000


class FindingKind(StrEnum):
    """What can be wrong with a feed; a closed set."""

    UNPARSABLE_RECORD = "unparsable_record"
    WRONG_COLUMNS = "wrong_columns"
    NOT_A_STATEMENT = "not_a_statement"
    EMPTY_FILE = "empty_file"
    TRUNCATED_FILE = "truncated_file"
    WRONG_ENCODING = "wrong_encoding"
    TWO_FILES_FOR_ONE_DAY = "two_files_for_one_day"
    DUPLICATED_KEY = "duplicated_key"
    MIXED_CURRENCIES = "mixed_currencies"
    FEED_GAP = "feed_gap"
    DUPLICATE_PAGE = "duplicate_page"
    PULL_FAILED = "pull_failed"
    LATE_RECORD = "late_record"
    RESTATED_AFTER_CLOSE = "restated_after_close"
    WITHDRAWN_RECORD = "withdrawn_record"
    NOT_TOLD_AGAIN = "not_told_again"
    SHORTER_FILE = "shorter_file"


class Severity(StrEnum):
    """Whether something is missing from the books of the other side, or only worth seeing."""

    ERROR = "error"
    WARNING = "warning"


#: Kinds after which everything that was told is still in hand.
_WARNINGS = frozenset(
    {FindingKind.DUPLICATED_KEY, FindingKind.LATE_RECORD, FindingKind.NOT_TOLD_AGAIN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFinding:
    """A finding as whoever looked tells it.

    Attributes:
        detail: one sentence; never the content of what could not be read.
        file, line: where it stands; the 1-based line of a text file, the row of a sheet.
        record_id, round_id, currency: what it speaks of, as far as that is known.
        difference: after less before, in the player's favour, in minor units.
        covers: the time it speaks of; None: not known.
        evidence: what it was before and after, or whatever shows it; JSON values.
        over: it happened and is over; nothing is open.
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
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFinding(NewFinding):
    """A finding as it is kept; ``id`` is the same whenever the same is found again."""

    id: str
    provider: str
    feed: str
    severity: Severity
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None


_NOTE = """
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
    resolved_at = CASE WHEN f.resolved_by IS NULL THEN EXCLUDED.resolved_at
                       ELSE f.resolved_at END
"""
_CURE = """
UPDATE feed_findings SET resolved_at = :now
 WHERE provider = :provider AND feed = :feed AND scope = :scope AND resolved_at IS NULL
   AND finding_id <> ALL (cast(:still AS text[]))
   AND (cast(:since AS timestamptz) IS NULL
        OR (covers_from >= :since AND covers_to <= cast(:until AS timestamptz)))
"""
_CURE_SCOPES = """
UPDATE feed_findings SET resolved_at = :now
 WHERE provider = :provider AND feed = :feed AND scope = ANY (cast(:scopes AS text[]))
   AND resolved_at IS NULL
"""
_RESOLVE = """
UPDATE feed_findings SET resolved_at = :now, resolved_by = :by
 WHERE finding_id = :id AND resolved_at IS NULL
"""
_COLUMNS = (
    "finding_id, provider, feed, kind, severity, file, line, record_id, round_id, currency,"
    " difference, covers_from, covers_to, detail, evidence, first_seen, last_seen, resolved_at"
)
_OF_WINDOW = f"""
SELECT {_COLUMNS} FROM feed_findings
 WHERE provider = :provider AND resolved_at IS NULL
   AND (covers_from IS NULL OR covers_from < :until)
   AND (covers_to IS NULL OR covers_to > :since)
 ORDER BY kind, file NULLS FIRST, line NULLS FIRST, record_id NULLS FIRST, finding_id
"""  # noqa: S608 - only the constant above is put in
_OPEN = f"""
SELECT {_COLUMNS} FROM feed_findings WHERE resolved_at IS NULL
 ORDER BY provider, feed, kind, file NULLS FIRST, line NULLS FIRST, finding_id
"""  # noqa: S608 - only the constant above is put in


def findings(connection: Connection, provider: str, window: Window) -> list[FeedFinding]:
    """What is open and speaks of the window, or of a time nobody knows; in a fixed order."""
    said = {"provider": provider, "since": window.start, "until": window.end}
    return [_finding(row) for row in connection.execute(text(_OF_WINDOW), said)]


def open_findings(connection: Connection) -> list[FeedFinding]:
    """Everything that is open, of every provider."""
    return [_finding(row) for row in connection.execute(text(_OPEN))]


def note(
    connection: Connection,
    provider: str,
    feed: str,
    *,
    scope: str,
    found: Iterable[NewFinding],
    now: datetime,
    looked_at: Window | None = None,
) -> int:
    """Keep everything that is wrong with one scope; what is not said again is resolved.

    Where only a part of the time was ``looked_at``, findings beyond it stay as they are.

    Returns:
        How many findings were kept. Of one kind ``KEPT_MAX`` are kept one by one.
    """
    rows = [_row(each, provider, feed, scope, now) for each in _bounded(found)]
    if rows:
        connection.execute(text(_NOTE), rows)
    still = [row["id"] for row in rows]
    said = {
        "provider": provider,
        "feed": feed,
        "scope": scope,
        "still": still,
        "now": now,
        "since": looked_at and looked_at.start,
        "until": looked_at and looked_at.end,
    }
    connection.execute(text(_CURE), said)
    return len(rows)


def cured(
    connection: Connection, provider: str, feed: str, *, scopes: Sequence[str], now: datetime
) -> int:
    """Nothing is wrong with these scopes any more; returns how many findings that ends."""
    said = {"provider": provider, "feed": feed, "scopes": list(scopes), "now": now}
    return connection.execute(text(_CURE_SCOPES), said).rowcount


def resolve(connection: Connection, finding_id: str, *, by: str, now: datetime) -> None:
    """A person has looked: the finding is closed and stays closed.

    Raises:
        Refused: there is no such finding that is open.
    """
    said = {"id": finding_id, "by": by, "now": now}
    if connection.execute(text(_RESOLVE), said).rowcount == 0:
        raise Refused(f"no finding {finding_id} is open")


def severity_of(kind: FindingKind) -> Severity:
    """How much it matters."""
    return Severity.WARNING if kind in _WARNINGS else Severity.ERROR


def _bounded(found: Iterable[NewFinding]) -> Iterator[NewFinding]:
    """The first of every kind one by one, and a count of the rest."""
    counts: dict[FindingKind, int] = {}
    more: dict[FindingKind, NewFinding] = {}
    for each in found:
        counts[each.kind] = counts.get(each.kind, 0) + 1
        if counts[each.kind] <= KEPT_MAX:
            yield each
        else:
            more[each.kind] = each
    for kind, last in more.items():
        rest = counts[kind] - KEPT_MAX
        detail = f"and {rest} more of this kind"
        yield NewFinding(
            kind=kind, detail=detail, file=last.file, over=last.over, evidence={"more": rest}
        )


def _row(
    each: NewFinding, provider: str, feed: str, scope: str, now: datetime
) -> dict[str, object]:
    return {
        "id": _id(each, provider, feed, scope),
        "provider": provider,
        "feed": feed,
        "scope": scope,
        "kind": str(each.kind),
        "severity": str(severity_of(each.kind)),
        "file": each.file,
        "line": each.line,
        "record_id": each.record_id,
        "round_id": each.round_id,
        "currency": each.currency,
        "difference": each.difference,
        "covers_from": each.covers and each.covers.start,
        "covers_to": each.covers and each.covers.end,
        "detail": each.detail,
        "evidence": json.dumps(dict(each.evidence)),
        "now": now,
        "resolved_at": now if each.over else None,
    }


def _id(each: NewFinding, provider: str, feed: str, scope: str) -> str:
    where: Sequence[object] = (each.file, each.line, each.record_id)
    named = ascii((provider, feed, scope, str(each.kind), *where, each.detail))
    return "fnd-" + blake2b(named.encode(), digest_size=10).hexdigest()


def _finding(row: Row[Any]) -> FeedFinding:
    begins, ends = row.covers_from, row.covers_to
    return FeedFinding(
        id=row.finding_id,
        provider=row.provider,
        feed=row.feed,
        kind=FindingKind(row.kind),
        severity=Severity(row.severity),
        file=row.file,
        line=row.line,
        record_id=row.record_id,
        round_id=row.round_id,
        currency=row.currency,
        difference=row.difference,
        covers=Window(start=begins, end=ends) if begins and ends else None,
        detail=row.detail,
        evidence=row.evidence,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        resolved_at=row.resolved_at,
        over=row.resolved_at is not None,
    )
