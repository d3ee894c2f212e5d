"""Inquiries to providers about single bets; the answers are evidence of breaks.

An inquiry is a row: requested, claimed by a worker for a while, done when its answer is
attached to the break. Answers are cached by provider and key until they expire; captured pages
are kept for ever, by digest. Tables written: ``detail_requests``, ``detail_rate_limits``,
``detail_answers``, ``detail_pages``, ``break_workflows.answer``, ``break_notes``, ``audit``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from breaks.actions import Note, add_note
from breaks.store import TrackedBreak, get_break, require_text, transaction
from providers.outbound.inquiry import InquiryAnswer
from storage.audit import record

#: The actor of answers in the audit trail.
ACTOR = "fetch"
#: How long a claimed inquiry is left to its worker.
CLAIM = timedelta(minutes=2)

_OPEN_INQUIRY = """
INSERT INTO detail_requests (break_id, provider, key, requested_by, requested_at, refresh,
                             not_before)
VALUES (:id, :provider, :key, :by, :now, :refresh, :now)
ON CONFLICT (break_id) WHERE done_at IS NULL
DO UPDATE SET refresh = detail_requests.refresh OR EXCLUDED.refresh
"""
_NOT_INQUIRED = """
SELECT break_id FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE l.state IN ('open', 'assigned') AND l.answer IS NULL
   AND b.provider = ANY(CAST(:providers AS text[])) AND b.kind = ANY(CAST(:kinds AS text[]))
   AND NOT EXISTS (SELECT FROM detail_requests r WHERE r.break_id = b.break_id)
 ORDER BY break_id LIMIT :limit
"""
# A cached answer is used at once; without one the inquiry waits for the provider's next turn.
_CLAIM = """
SELECT r.request_id, r.break_id, r.provider, r.key, r.attempts, a.verdict, a.reason, a.link,
       a.digest, b.began_at
  FROM detail_requests r
  JOIN breaks b USING (break_id)
  LEFT JOIN detail_rate_limits t ON t.provider = r.provider
  LEFT JOIN detail_answers a ON a.provider = r.provider AND a.key = r.key
                            AND a.expires_at > :now AND NOT r.refresh
 WHERE r.done_at IS NULL AND r.not_before <= :now
   AND (a.key IS NOT NULL OR t.next_at IS NULL OR t.next_at <= :now)
 ORDER BY r.not_before, r.request_id LIMIT 1 FOR UPDATE OF r SKIP LOCKED
"""
_TURN = """
INSERT INTO detail_rate_limits (provider, next_at) VALUES (:provider, :next)
ON CONFLICT (provider) DO UPDATE SET next_at = EXCLUDED.next_at
 WHERE detail_rate_limits.next_at <= :now
"""
_MARK_CLAIMED = """
UPDATE detail_requests SET not_before = :until, attempts = attempts + 1
 WHERE request_id = :request
"""
_POSTPONE = "UPDATE detail_requests SET not_before = :until WHERE request_id = :request"
_PAGE = """
INSERT INTO detail_pages (digest, content) VALUES (:digest, :content)
ON CONFLICT DO NOTHING
"""
_ANSWER = """
INSERT INTO detail_answers (provider, key, verdict, reason, link, digest, asked_at, expires_at)
VALUES (:provider, :key, :verdict, :reason, :link, :digest, :now,
        :until)
ON CONFLICT (provider, key) DO UPDATE
   SET verdict = EXCLUDED.verdict, reason = EXCLUDED.reason, link = EXCLUDED.link,
       digest = EXCLUDED.digest, asked_at = EXCLUDED.asked_at, expires_at = EXCLUDED.expires_at
"""
_DONE = """
UPDATE detail_requests SET done_at = :now WHERE request_id = :request AND done_at IS NULL
"""
_SET_ANSWER = "UPDATE break_workflows SET answer = :verdict WHERE break_id = :id"
_NEXT = """
SELECT min(greatest(r.not_before, coalesce(t.next_at, r.not_before)))
  FROM detail_requests r LEFT JOIN detail_rate_limits t USING (provider) WHERE r.done_at IS NULL
"""
_PAGE_OF = "SELECT content FROM detail_pages WHERE digest = :digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A claimed inquiry.

    Attributes:
        attempts: the number of earlier attempts.
        began_at: when the bet was made, if known.
        cached: an answer that has not expired; the provider need not be asked.
    """

    inquiry_id: int
    break_id: str
    provider: str
    key: str
    attempts: int
    began_at: datetime | None
    cached: InquiryAnswer | None


def request_inquiry(
    engine: Engine, break_id: str, *, by: str, now: datetime, refresh: bool = False
) -> TrackedBreak:
    """Request that the provider is asked about a break; an open request is not repeated.

    Raises:
        ActionRefused: there is no such break, or the name is empty.
        Unavailable: the database is out of reach.
    """
    require_text(by=by)
    with transaction(engine) as connection:
        break_ = get_break(connection, break_id)
        _request(connection, break_, by=by, now=now, refresh=refresh)
        record(connection, by, "break.evidence_wanted", break_id, {"refresh": refresh})
    return break_


def request_inquiries(
    engine: Engine,
    *,
    providers: Sequence[str],
    kinds: Sequence[str],
    now: datetime,
    limit: int = 1_000,
) -> int:
    """Request inquiries about open breaks of these providers and kinds that have none yet.

    Raises:
        Unavailable: the database is out of reach.
    """
    params = {"providers": list(providers), "kinds": list(kinds), "limit": limit}
    with transaction(engine) as connection:
        ids = [row.break_id for row in connection.execute(text(_NOT_INQUIRED), params)]
        for break_id in ids:
            break_ = get_break(connection, break_id)
            _request(connection, break_, by=ACTOR, now=now, refresh=False)
    return len(ids)


def claim_inquiry(engine: Engine, *, now: datetime, every: timedelta) -> Inquiry | None:
    """Claim the next inquiry that is due; None if there is none.

    All workers together ask a provider once in ``every``.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        row = connection.execute(text(_CLAIM), {"now": now}).one_or_none()
        if row is None:
            return None
        inquiry = _inquiry(row)
        if inquiry.cached is None:
            turn = {"provider": inquiry.provider, "now": now, "next": now + every}
            if connection.execute(text(_TURN), turn).rowcount != 1:
                return None  # another worker has just taken the turn
        claim = {"request": inquiry.inquiry_id, "until": now + CLAIM}
        connection.execute(text(_MARK_CLAIMED), claim)
        return inquiry


def postpone_inquiry(engine: Engine, inquiry: Inquiry, *, until: datetime) -> None:
    """Postpone an inquiry.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        params = {"request": inquiry.inquiry_id, "until": until}
        connection.execute(text(_POSTPONE), params)


def record_answer(
    engine: Engine, inquiry: Inquiry, answer: InquiryAnswer, *, now: datetime, lasts: timedelta
) -> bool:
    """Cache an answer and attach it to the break; False if another worker already did.

    A failure is attached, but not cached: the next inquiry asks again.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        done = {"request": inquiry.inquiry_id, "now": now}
        if connection.execute(text(_DONE), done).rowcount != 1:
            return False
        if inquiry.cached is None:
            until = now if answer.verdict == "failed" else now + lasts
            _cache(connection, inquiry, answer, now=now, until=until)
        verdict = {"verdict": answer.verdict, "id": inquiry.break_id}
        connection.execute(text(_SET_ANSWER), verdict)
        body = f"{inquiry.provider} about {inquiry.key}: {answer.verdict}, {answer.reason}"
        link = f" {answer.link}" if answer.link else ""
        note = Note(kind="detail", body=body + link, content=answer.page)
        add_note(connection, inquiry.break_id, note, by=ACTOR, now=now)
        return True


def next_inquiry_at(engine: Engine) -> datetime | None:
    """When the next inquiry is due; None if none is open.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        due: datetime | None = connection.execute(text(_NEXT)).scalar_one()
        return due


def captured_page(engine: Engine, digest: str) -> bytes | None:
    """The bytes of a captured page, by their SHA-256.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        page = connection.execute(text(_PAGE_OF), {"digest": digest}).scalar_one_or_none()
        return None if page is None else bytes(page)


def _request(
    connection: Connection, break_: TrackedBreak, *, by: str, now: datetime, refresh: bool
) -> None:
    params = {
        "id": break_.break_id,
        "provider": break_.provider,
        "key": break_.round_id,
        "by": by,
        "now": now,
        "refresh": refresh,
    }
    connection.execute(text(_OPEN_INQUIRY), params)


def _cache(
    connection: Connection,
    inquiry: Inquiry,
    answer: InquiryAnswer,
    *,
    now: datetime,
    until: datetime,
) -> None:
    digest = None if answer.page is None else sha256(answer.page).hexdigest()
    if digest is not None:
        connection.execute(text(_PAGE), {"digest": digest, "content": answer.page})
    params = {
        "provider": inquiry.provider,
        "key": inquiry.key,
        "verdict": answer.verdict,
        "reason": answer.reason,
        "link": answer.link,
        "digest": digest,
        "now": now,
        "until": until,
    }
    connection.execute(text(_ANSWER), params)


def _inquiry(row: Row[Any]) -> Inquiry:
    cached = None
    if row.verdict is not None:
        page = f"; page sha256 {row.digest}" if row.digest else ""
        reason = f"{row.reason}{page}"
        cached = InquiryAnswer(verdict=row.verdict, reason=reason, link=row.link)
    return Inquiry(
        inquiry_id=row.request_id,
        break_id=row.break_id,
        provider=row.provider,
        key=row.key,
        attempts=row.attempts,
        began_at=row.began_at,
        cached=cached,
    )
