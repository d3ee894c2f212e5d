"""Sessions: one row each, found by the hash of a token that only the browser has.

Tables written: ``console_sessions``, ``audit``.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from console.accounts.passwords import digest_of
from storage.audit import record
from storage.people import get_person
from vocabulary.people import Person

#: Longest time between two notes of when a session was last used.
_SEEN_EVERY = timedelta(minutes=1)
#: How long ended sessions are kept.
_KEPT = timedelta(days=90)

_OPEN = """
INSERT INTO console_sessions (session_hash, person_id, begun_at, seen_at, expires_at)
VALUES (:hash, :person, :now, :now, :expires)
"""
_CLEAN = "DELETE FROM console_sessions WHERE expires_at < :before"
_FIND = """
SELECT p.name, s.seen_at, s.expires_at
  FROM console_sessions s JOIN people p USING (person_id)
 WHERE s.session_hash = :hash AND s.ended_at IS NULL AND s.expires_at > :now
   AND s.seen_at > :idle_since AND p.disabled_at IS NULL
"""
_SEE = "UPDATE console_sessions SET seen_at = :now WHERE session_hash = :hash"
_END = """
UPDATE console_sessions SET ended_at = :now
 WHERE session_hash = :hash AND ended_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """A person's session; ``token`` is the cookie's value."""

    person: Person
    token: str
    expires_at: datetime

    @property
    def form_token(self) -> str:
        """What every form of the session carries; another site cannot know it."""
        return form_token_of(self.token)


def form_token_of(secret: str) -> str:
    """The token of forms that belongs to a session token, or to the login form's cookie."""
    sent = secret.encode("utf-8", "surrogatepass")  # a cookie is what a browser sends
    return hmac.new(sent, b"console form", hashlib.sha256).hexdigest()


def open_session(
    connection: Connection,
    person: Person,
    *,
    now: datetime,
    lifetime: timedelta,
    by_single_sign_on: bool = False,
) -> BrowserSession:
    """Begin a session with a new token."""
    token, expires = secrets.token_urlsafe(32), now + lifetime
    connection.execute(text(_CLEAN), {"before": now - _KEPT})
    params = {"hash": digest_of(token), "person": person.person_id, "now": now}
    connection.execute(text(_OPEN), {**params, "expires": expires})
    detail = {"by": "single sign-on"} if by_single_sign_on else {}
    record(connection, person.name, "session.begun", f"person {person.name}", detail)
    return BrowserSession(person=person, token=token, expires_at=expires)


def find_session(
    connection: Connection, token: str, *, now: datetime, idle: timedelta
) -> BrowserSession | None:
    """The session of a token, unless it is over, idle too long, or its person is disabled."""
    params = {"hash": digest_of(token), "now": now, "idle_since": now - idle}
    row = connection.execute(text(_FIND), params).one_or_none()
    if row is None:
        return None
    if now - row.seen_at > _SEEN_EVERY:
        connection.execute(text(_SEE), params)
    person = get_person(connection, row.name)
    return BrowserSession(person=person, token=token, expires_at=row.expires_at)


def holder_of(
    connection: Connection, token: str, *, now: datetime, idle: timedelta
) -> Person | None:
    """Whose session a token is, as ``find_session``, without counting as use of it."""
    params = {"hash": digest_of(token), "now": now, "idle_since": now - idle}
    row = connection.execute(text(_FIND), params).one_or_none()
    return None if row is None else get_person(connection, row.name)


def end_session(connection: Connection, session: BrowserSession, *, now: datetime) -> None:
    """End a session."""
    connection.execute(text(_END), {"hash": digest_of(session.token), "now": now})
    name = session.person.name
    record(connection, name, "session.ended", f"person {name}", {})
