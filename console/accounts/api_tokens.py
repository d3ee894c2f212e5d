"""Tokens of the API: found by their SHA-256, limited to scopes, ended by time or by a person.

Tables written: ``api_tokens``, ``audit``.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, text

from console.accounts.passwords import digest_of
from storage.audit import record
from storage.people import get_person
from vocabulary.errors import Malformed, NotAllowed
from vocabulary.people import Person, PersonRefused, Right

#: Begins every token, so that scanners of source code recognise one that leaked.
PREFIX = "tieout_api_"
NAME_CHARS_MAX = 80
#: Most tokens of a person that are neither revoked nor expired.
TOKENS_MAX = 50
#: The rights by the names that scopes have.
SCOPES: Mapping[str, Right] = MappingProxyType({right.name.lower(): right for right in Right})
#: Rights to what only commands do: a token could use none of them.
_OF_COMMANDS = frozenset(
    {
        *(Right.MOVE_FUNDS, Right.ORDER_PLAYERS, Right.CHANGE_LIMITS),
        *(Right.RESTORE, Right.ARCHIVE, Right.LET_GO),
    }
)
#: The scopes that a person may choose for a token.
OFFERED: Mapping[str, Right] = MappingProxyType(
    {name: right for name, right in SCOPES.items() if right not in _OF_COMMANDS}
)
#: Longest time between two notes of when a token was last used.
_USED_EVERY = timedelta(minutes=1)

#: Tokens, and who disabled their person first after they were made, which ended them for good.
#: The order of the audit trail says what came first: clocks of several machines may not.
_TOKENS = """
api_tokens t JOIN people p USING (person_id) LEFT JOIN LATERAL (
    SELECT d.at, d.actor FROM audit d
     WHERE d.subject = 'person ' || p.name AND d.action = 'person.disabled'
       AND d.audit_id > (SELECT min(m.audit_id) FROM audit m
                          WHERE m.subject = 'token ' || t.token_id AND m.action = 'token.made')
     ORDER BY d.audit_id LIMIT 1) disabled ON true
"""
_COLUMNS = """
t.token_id, p.name AS person, t.name, t.scopes, t.made_at, t.expires_at, t.last_used_at,
coalesce(t.revoked_at, disabled.at) AS revoked_at,
coalesce(t.revoked_by, disabled.actor) AS revoked_by
"""
_ADD = """
INSERT INTO api_tokens (token_id, token_hash, person_id, name, scopes, made_at, expires_at)
VALUES (:id, :hash, :person, :name, :scopes, :now, :expires)
ON CONFLICT (token_hash) DO NOTHING
"""
_FIND = f"""
SELECT {_COLUMNS} FROM {_TOKENS}
 WHERE t.token_hash = :hash AND t.revoked_at IS NULL AND t.expires_at > :now
   AND p.disabled_at IS NULL AND disabled.at IS NULL
"""  # noqa: S608 - our own columns
_LIST = f"""
SELECT {_COLUMNS} FROM {_TOKENS}
 WHERE CAST(:person AS text) IS NULL OR p.name = :person
 ORDER BY t.made_at DESC, t.token_id
"""  # noqa: S608 - our own columns
_GET = f"""
SELECT {_COLUMNS} FROM {_TOKENS} WHERE t.token_id = :id
"""  # noqa: S608 - our own columns
_COUNT = f"""
SELECT count(*) FROM {_TOKENS}
 WHERE person_id = :person AND t.revoked_at IS NULL AND t.expires_at > :now
   AND disabled.at IS NULL
"""  # noqa: S608 - our own text
_USE = "UPDATE api_tokens SET last_used_at = :now WHERE token_id = :id"
_REVOKE = """
UPDATE api_tokens SET revoked_at = :now, revoked_by = :by
 WHERE token_id = :id AND revoked_at IS NULL
"""


class TokenEnded(NotAllowed):
    """The form that is sent again made a token that was revoked or has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token without its secret.

    Attributes:
        person: whose rights it has, as far as the scopes reach.
        scopes: the rights it is limited to.
        revoked_at, revoked_by: by whom it was ended, or its person disabled, and when.
    """

    token_id: str
    person: str
    name: str
    scopes: frozenset[Right]
    made_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was just made; ``secret`` is shown only now."""

    token: ApiToken
    secret: str


def make_token(
    connection: Connection,
    person: Person,
    *,
    name: str,
    scopes: Collection[Right],
    lifetime: timedelta,
    now: datetime,
    secret: str | None = None,
) -> NewToken:
    """Make a token for a person who is signed in.

    A ``secret`` of ``secret_of_form`` makes one token, however often its form is sent.

    Raises:
        Malformed: it has no name, no scope or no time.
        PersonRefused: a scope is a right that the person lacks, or there are too many tokens.
        TokenEnded: the form made a token that ended since.
    """
    name = _checked_name(name)
    lacking = sorted(right for right in scopes if not person.may(right))
    if lacking:
        raise PersonRefused(f"{person.name} may not {lacking[0]}, so no token may")
    if not scopes:
        raise Malformed("scopes", "at least one right is expected")
    if lifetime <= timedelta(0):
        raise Malformed("days", "at least one day is expected")
    params = {"person": person.person_id, "now": now}
    secret = secret or f"{PREFIX}{secrets.token_urlsafe(32)}"
    token_id = f"tok-{secrets.token_hex(10)}"
    values = {
        "id": token_id,
        "hash": digest_of(secret),
        "name": name,
        "scopes": sorted(right.name.lower() for right in scopes),
        "expires": now + lifetime,
    }
    if not connection.execute(text(_ADD), params | values).rowcount:
        return _made_before(connection, secret, now)
    if connection.execute(text(_COUNT), params).scalar_one() > TOKENS_MAX:
        raise PersonRefused(f"{person.name} has {TOKENS_MAX} tokens: revoke one first")
    detail = {"name": name, "scopes": values["scopes"], "until": f"{now + lifetime:%Y-%m-%d}"}
    record(connection, person.name, "token.made", f"token {token_id}", detail)
    return NewToken(token=get_token(connection, token_id), secret=secret)


def secret_of_form(session_token: str, fields: Mapping[str, str]) -> str:
    """The secret that a form of a session makes; the same fields make the same one.

    A browser shows the answer to the second of two clicks. Only it has the session's token, so
    nobody else can work the secret out.
    """
    sent = repr(sorted(fields.items())).encode()
    digest = hmac.new(session_token.encode(), b"api token\0" + sent, hashlib.sha256).digest()
    return PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _made_before(connection: Connection, secret: str, now: datetime) -> NewToken:
    row = connection.execute(text(_FIND), {"hash": digest_of(secret), "now": now}).one_or_none()
    if row is None:
        raise TokenEnded("this form made a token that has ended: load the page again")
    return NewToken(token=_token(row), secret=secret)


def find_token(connection: Connection, secret: str, *, now: datetime) -> ApiToken | None:
    """The token of a secret; None: unknown, revoked, expired, or its person is disabled."""
    params = {"hash": digest_of(secret), "now": now}
    row = connection.execute(text(_FIND), params).one_or_none()
    if row is None:
        return None
    token = _token(row)
    if token.last_used_at is None or now - token.last_used_at > _USED_EVERY:
        connection.execute(text(_USE), {"id": token.token_id, "now": now})
    return token


def person_of(connection: Connection, token: ApiToken) -> Person:
    """The token's person with the rights of now, limited to the scopes."""
    return replace(get_person(connection, token.person), limited_to=token.scopes)


def tokens_of(connection: Connection, person: str | None) -> list[ApiToken]:
    """A person's tokens, the newest first; None: everybody's."""
    return [_token(row) for row in connection.execute(text(_LIST), {"person": person})]


def get_token(connection: Connection, token_id: str) -> ApiToken:
    """One token.

    Raises:
        Malformed: there is none with this id.
    """
    row = connection.execute(text(_GET), {"id": token_id}).one_or_none()
    if row is None:
        raise Malformed("token", f"there is no token {token_id}")
    return _token(row)


def revoke_api_token(
    connection: Connection, token_id: str, person: Person, *, now: datetime
) -> ApiToken:
    """End a token, one's own or as an administrator; ending it again changes nothing.

    Raises:
        Malformed: there is none with this id, or it is another person's.
    """
    token = get_token(connection, token_id)
    if token.person != person.name and not person.may(Right.MANAGE_PEOPLE):
        raise Malformed("token", f"there is no token {token_id}")
    params = {"id": token_id, "by": person.name, "now": now}
    if connection.execute(text(_REVOKE), params).rowcount:
        detail = {"name": token.name, "person": token.person}
        record(connection, person.name, "token.revoked", f"token {token_id}", detail)
    return get_token(connection, token_id)


def _checked_name(name: str) -> str:
    shown = " ".join(name.split())
    if not shown or len(shown) > NAME_CHARS_MAX or not shown.isprintable():
        raise Malformed("name", f"a name of 1 to {NAME_CHARS_MAX} characters is expected")
    return shown


def _token(row: Row[Any]) -> ApiToken:
    values = dict(row._mapping)
    known = frozenset(SCOPES[name] for name in values.pop("scopes") if name in SCOPES)
    return ApiToken(scopes=known, **values)
