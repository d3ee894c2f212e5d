"""Requests that are repeated under one Idempotency-Key are performed once.

A key is claimed before the action. The transaction of the action itself marks the claim as
performed, so that both are committed or neither is: after a crash a repeat knows whether the
action was done. A refused action changed nothing, so its key is free again.

Table written: ``api_requests``.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy import Connection, Engine, event, text

from console.api.problems import ApiAnswer, refuse
from storage.roles import STATEMENT_TIMEOUT_MS
from vocabulary.people import Person

#: A claim that was not performed for so long belongs to a process that died.
ABANDONED_AFTER = timedelta(milliseconds=4 * STATEMENT_TIMEOUT_MS)
KEY_CHARS_MAX = 255
REPLAYED = {"Idempotency-Replayed": "true"}

_CLEAN = "DELETE FROM api_requests WHERE started_at < :before"
_CLAIM = """
INSERT INTO api_requests (person_id, key, fingerprint, claim, started_at)
VALUES (:person, :key, :fingerprint, :claim, :now)
ON CONFLICT (person_id, key) DO UPDATE
   SET claim = EXCLUDED.claim, started_at = EXCLUDED.started_at,
       fingerprint = EXCLUDED.fingerprint
 WHERE api_requests.performed_at IS NULL AND api_requests.started_at < :abandoned
RETURNING claim
"""
_STORED = """
SELECT fingerprint, performed_at, status, etag, answer FROM api_requests
 WHERE person_id = :person AND key = :key
"""
_PERFORM = """
UPDATE api_requests SET performed_at = %s WHERE person_id = %s AND key = %s AND claim = %s
"""
_ANSWER = """
UPDATE api_requests SET status = :status, etag = :etag, answer = :answer
 WHERE person_id = :person AND key = :key AND claim = :claim
"""
_RELEASE = """
DELETE FROM api_requests
 WHERE person_id = :person AND key = :key AND claim = :claim AND performed_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyClaim:
    """A key that this process performs."""

    person: Person
    key: str
    claim: str


def fingerprint_of(path: str, body: bytes) -> str:
    """What two requests of one key must have in common."""
    return hashlib.sha256(path.encode() + b"\0" + body).hexdigest()


def check_key(key: str) -> None:
    """Check that an Idempotency-Key can be stored.

    Raises:
        RequestProblem: it is too long, or not of printable ASCII without blanks.
    """
    is_plain = key.isascii() and key.isprintable() and " " not in key
    if not is_plain or not 0 < len(key) <= KEY_CHARS_MAX:
        raise refuse(
            HTTPStatus.BAD_REQUEST,
            f"Idempotency-Key: 1 to {KEY_CHARS_MAX} printable ASCII characters, no blanks,"
            " are expected.",
        )


def claim_key(
    engine: Engine,
    person: Person,
    key: str,
    *,
    fingerprint: str,
    now: datetime,
    lasts: timedelta,
) -> KeyClaim | ApiAnswer | None:
    """KeyClaim a key; an answer: it was performed before; None: performed, the answer is lost.

    Raises:
        RequestProblem: the key belongs to another request, or to one that is being performed.
    """
    claim = KeyClaim(person=person, key=key, claim=secrets.token_hex(8))
    params = {
        "person": person.person_id,
        "key": key,
        "fingerprint": fingerprint,
        "claim": claim.claim,
        "now": now,
        "abandoned": now - ABANDONED_AFTER,
    }
    with engine.begin() as connection:
        connection.execute(text(_CLEAN), {"before": now - lasts})
        if connection.execute(text(_CLAIM), params).one_or_none() is not None:
            return claim
        stored = connection.execute(text(_STORED), params).one_or_none()
    if stored is None or (stored.performed_at is None and stored.fingerprint == fingerprint):
        raise refuse(
            HTTPStatus.CONFLICT,
            "A request with this Idempotency-Key is being performed.",
            headers={"Retry-After": "1"},
        )
    if stored.fingerprint != fingerprint:
        raise refuse(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "This Idempotency-Key was used for another request. Nothing was done.",
        )
    if stored.answer is None:
        return None
    etag = {"ETag": stored.etag} if stored.etag else {}
    return ApiAnswer(
        status=stored.status, content=bytes(stored.answer), headers={**etag, **REPLAYED}
    )


def performing(engine: Engine, claim: KeyClaim, now: datetime) -> Engine:
    """The engine, whose next transactions mark the claim as performed when they commit."""
    marked = engine.execution_options()
    params = (now, claim.person.person_id, claim.key, claim.claim)

    @event.listens_for(marked, "begin")
    def _mark(connection: Connection) -> None:
        if not connection.exec_driver_sql(_PERFORM, params).rowcount:
            raise refuse(
                HTTPStatus.CONFLICT, "Another process performs this Idempotency-Key by now."
            )

    return marked


def keep_answer(engine: Engine, claim: KeyClaim, answer: ApiAnswer) -> None:
    """Store the answer of a performed request for its repeats."""
    params = {
        "person": claim.person.person_id,
        "key": claim.key,
        "claim": claim.claim,
        "status": answer.status,
        "etag": answer.headers.get("ETag"),
        "answer": answer.content,
    }
    with engine.begin() as connection:
        connection.execute(text(_ANSWER), params)


def release_key(engine: Engine, claim: KeyClaim) -> None:
    """Free the key of a request that was refused, so that it may be sent again."""
    params = {"person": claim.person.person_id, "key": claim.key, "claim": claim.claim}
    with engine.begin() as connection:
        connection.execute(text(_RELEASE), params)
