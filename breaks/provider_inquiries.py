"""What providers say about single bets when they are asked, kept as evidence of breaks.

A question is a row: wanted, claimed for a while by whoever asks, done once its answer stands at
the break. Answers are kept by provider and key until they expire, pages by their digest for
ever. Tables touched: ``detail_requests``, ``detail_turns``, ``detail_answers``,
``detail_pages``, ``break_lives.answer``, ``break_notes``, ``audit``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection, Engine, text

from breaks.actions import Note, add_note
from breaks.store import TrackedBreak, get, must_say, transaction
from storage.audit import record

#: Who writes answers into the audit trail.
ACTOR = "fetch"
#: How long a question is left to whoever claimed it.
CLAIM = timedelta(minutes=2)

InquiryVerdict = Literal["confirmed", "unknown", "failed"]

_WANT = """
INSERT INTO detail_requests (break_id, provider, key, wanted_by, wanted_at, refresh, not_before)
VALUES (:id, :provider, :key, :by, :now, :refresh, :now)
ON CONFLICT (break_id) WHERE done_at IS NULL
DO UPDATE SET refresh = detail_requests.refresh OR EXCLUDED.refresh
"""
_UNASKED = """
SELECT break_id FROM breaks b JOIN break_lives l USING (break_id)
 WHERE l.state IN ('open', 'assigned') AND l.answer IS NULL
   AND b.provider = ANY(CAST(:providers AS text[])) AND b.kind = ANY(CAST(:kinds AS text[]))
   AND NOT EXISTS (SELECT FROM detail_requests r WHERE r.break_id = b.break_id)
 ORDER BY break_id LIMIT :most
"""
# An answer that is at hand needs no turn; one that is not waits for its provider's.
_CLAIM = """
SELECT r.request_id, r.break_id, r.provider, r.key, r.attempts, a.verdict, a.reason, a.link,
       a.digest, b.began_at
  FROM detail_requests r
  JOIN breaks b USING (break_id)
  LEFT JOIN detail_turns t ON t.provider = r.provider
  LEFT JOIN detail_answers a ON a.provider = r.provider AND a.key = r.key
                            AND a.expires_at > :now AND NOT r.refresh
 WHERE r.done_at IS NULL AND r.not_before <= :now
   AND (a.key IS NOT NULL OR t.next_at IS NULL OR t.next_at <= :now)
 ORDER BY r.not_before, r.request_id LIMIT 1 FOR UPDATE OF r SKIP LOCKED
"""
_TURN = """
INSERT INTO detail_turns (provider, next_at) VALUES (:provider, :next)
ON CONFLICT (provider) DO UPDATE SET next_at = EXCLUDED.next_at
 WHERE detail_turns.next_at <= :now
"""
_CLAIMED = """
UPDATE detail_requests SET not_before = :until, attempts = attempts + 1
 WHERE request_id = :request
"""
_LATER = "UPDATE detail_requests SET not_before = :until WHERE request_id = :request"
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
_SAID = "UPDATE break_lives SET answer = :verdict WHERE break_id = :id"
_NEXT = """
SELECT min(greatest(r.not_before, coalesce(t.next_at, r.not_before)))
  FROM detail_requests r LEFT JOIN detail_turns t USING (provider) WHERE r.done_at IS NULL
"""
_PAGE_OF = "SELECT content FROM detail_pages WHERE digest = :digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryAnswer:
    """What a provider says about one bet.

    Attributes:
        reason: in words, what it rests on.
        link: where people see it.
        page: the bytes that were seen, if any.
    """

    verdict: InquiryVerdict
    reason: str
    link: str | None = None
    page: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """One question that is ours to ask for a while.

    Attributes:
        attempts: how often it was asked before.
        began: when the bet was made, where that is known.
        at_hand: an answer that has not expired, which spares the asking.
    """

    request: int
    break_id: str
    provider: str
    key: str
    attempts: int
    began: datetime | None
    at_hand: InquiryAnswer | None


def want(
    engine: Engine, break_id: str, *, by: str, now: datetime, refresh: bool = False
) -> TrackedBreak:
    """Have the provider asked about a break; asked already, nothing is asked twice.

    Raises:
        LifeRefused: there is no such break, or nobody's name.
        Unavailable: the database is out of reach.
    """
    must_say(by=by)
    with transaction(engine) as connection:
        life = get(connection, break_id)
        _want(connection, life, by=by, now=now, refresh=refresh)
        record(connection, by, "break.evidence_wanted", break_id, {"refresh": refresh})
    return life


def want_all(
    engine: Engine,
    *,
    providers: Sequence[str],
    kinds: Sequence[str],
    now: datetime,
    most: int = 1_000,
) -> int:
    """Have these providers asked about open breaks of these kinds that nobody asked about.

    Raises:
        Unavailable: the database is out of reach.
    """
    wanted = {"providers": list(providers), "kinds": list(kinds), "most": most}
    with transaction(engine) as connection:
        ids = [row[0] for row in connection.execute(text(_UNASKED), wanted)]
        for break_id in ids:
            _want(connection, get(connection, break_id), by=ACTOR, now=now, refresh=False)
    return len(ids)


def claim(engine: Engine, *, now: datetime, every: timedelta) -> Inquiry | None:
    """The next question that may be asked now; None where there is none.

    A provider is asked once in ``every``, by all who ask together.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        row = connection.execute(text(_CLAIM), {"now": now}).one_or_none()
        if row is None:
            return None
        found = _question(tuple(row))
        if found.at_hand is None:
            turn = {"provider": found.provider, "now": now, "next": now + every}
            if connection.execute(text(_TURN), turn).rowcount != 1:
                return None  # another worker has just taken it
        connection.execute(text(_CLAIMED), {"request": found.request, "until": now + CLAIM})
        return found


def put_off(engine: Engine, question: Inquiry, *, until: datetime) -> None:
    """Leave a question for later.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        connection.execute(text(_LATER), {"request": question.request, "until": until})


def settle(
    engine: Engine, question: Inquiry, answer: InquiryAnswer, *, now: datetime, lasts: timedelta
) -> bool:
    """Keep an answer and attach it to the break; False where somebody else already had.

    What failed is told, and asked again by whoever asks next.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        said = {"request": question.request, "now": now}
        if connection.execute(text(_DONE), said).rowcount != 1:
            return False
        if question.at_hand is None:
            until = now if answer.verdict == "failed" else now + lasts
            _keep(connection, question, answer, now=now, until=until)
        said = {"verdict": answer.verdict, "id": question.break_id}
        connection.execute(text(_SAID), said)
        body = f"{question.provider} about {question.key}: {answer.verdict}, {answer.reason}"
        where = f" {answer.link}" if answer.link else ""
        note = Note(kind="detail", body=body + where, content=answer.page)
        add_note(connection, question.break_id, note, by=ACTOR, now=now)
        return True


def next_at(engine: Engine) -> datetime | None:
    """When the next question may be asked; None where none waits.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        found: datetime | None = connection.execute(text(_NEXT)).scalar_one()
        return found


def page(engine: Engine, digest: str) -> bytes | None:
    """The bytes of a captured page, by their SHA-256.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        found = connection.execute(text(_PAGE_OF), {"digest": digest}).scalar_one_or_none()
        return None if found is None else bytes(found)


def _want(
    connection: Connection, life: TrackedBreak, *, by: str, now: datetime, refresh: bool
) -> None:
    said = {"id": life.break_id, "provider": life.provider, "key": life.round_id}
    connection.execute(text(_WANT), {**said, "by": by, "now": now, "refresh": refresh})


def _keep(
    connection: Connection,
    question: Inquiry,
    answer: InquiryAnswer,
    *,
    now: datetime,
    until: datetime,
) -> None:
    digest = None if answer.page is None else sha256(answer.page).hexdigest()
    if digest is not None:
        connection.execute(text(_PAGE), {"digest": digest, "content": answer.page})
    told = {"provider": question.provider, "key": question.key, "verdict": answer.verdict}
    kept = {**told, "reason": answer.reason, "link": answer.link, "digest": digest}
    connection.execute(text(_ANSWER), {**kept, "now": now, "until": until})


def _question(row: tuple[object, ...]) -> Inquiry:
    request, break_id, provider, key, attempts, verdict, reason, link, digest, began = row
    at_hand = None
    if verdict is not None:
        seen = f"{reason}; page sha256 {digest}" if digest else str(reason)
        at_hand = InquiryAnswer(verdict=verdict, reason=seen, link=link)  # type: ignore[arg-type]
    return Inquiry(
        request=request,  # type: ignore[arg-type]
        break_id=str(break_id),
        provider=str(provider),
        key=str(key),
        attempts=attempts,  # type: ignore[arg-type]
        began=began,  # type: ignore[arg-type]
        at_hand=at_hand,
    )
