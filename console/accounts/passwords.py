"""Passwords of people: stored as argon2id, set by their owner or with a one-time code.

Tables written: ``passwords``, ``password_codes``, ``audit``.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Connection, text

from storage.audit import record
from storage.logins import end_logins, void_codes
from storage.people import get_person
from vocabulary.errors import Malformed
from vocabulary.people import Person, PersonRefused

PASSWORD_CHARS_MIN = 12
#: Longest password, in characters: hashing costs time in proportion.
PASSWORD_CHARS_MAX = 200
#: Names that are shorter than this are part of many words.
_NAME_CHARS_MIN = 4
#: How long a one-time code may be used.
CODE_LASTS = timedelta(hours=24)

_SET = """
INSERT INTO passwords (person_id, hash, set_at) VALUES (:person, :hash, :now)
ON CONFLICT (person_id) DO UPDATE SET hash = EXCLUDED.hash, set_at = EXCLUDED.set_at
"""
_HASH_OF = """
SELECT w.hash FROM passwords w JOIN people p USING (person_id)
 WHERE p.name = :name AND p.disabled_at IS NULL
"""
_KEPT_HASH_OF = f"{_HASH_OF} FOR SHARE OF w"
_ADD_CODE = """
INSERT INTO password_codes (code_hash, person_id, made_at, expires_at)
VALUES (:hash, :person, :now, :expires)
"""
_CODE_OWNER = """
SELECT p.name FROM password_codes c JOIN people p USING (person_id)
 WHERE c.code_hash = :hash AND c.used_at IS NULL AND c.expires_at > :now
   AND p.disabled_at IS NULL
"""

_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCode:
    """A code with which a person may choose a password, once; it is shown only now."""

    code: str
    person: Person
    expires_at: datetime


def check_password(password: str, name: str) -> None:
    """Check that a password may be chosen.

    Raises:
        Malformed: it is too short, too long, or holds the person's name.
    """
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise Malformed(
            "password",
            f"{PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters are expected",
        )
    holds_name = len(name) >= _NAME_CHARS_MIN and name in password.casefold()
    if holds_name or len(set(password)) < PASSWORD_CHARS_MIN // 2:
        raise Malformed(
            "password", "a text without your name, and of more than a few signs, is expected"
        )


def set_password(
    connection: Connection, person: Person, password: str, *, by: str, now: datetime
) -> None:
    """Set a person's password, and end all of their sessions and codes.

    Raises:
        Malformed: it may not be chosen.
    """
    check_password(password, person.name)
    params = {"person": person.person_id, "now": now}
    connection.execute(text(_SET), {**params, "hash": _hasher.hash(password)})
    end_logins(connection, person.person_id)
    record(connection, by, "person.password_set", f"person {person.name}", {})


def new_code(connection: Connection, name: str, *, by: str, now: datetime) -> PasswordCode:
    """Make a one-time code for a person; earlier ones are void.

    Raises:
        Malformed: the name cannot be one.
        PersonRefused: nobody has it, or the person is disabled.
    """
    person = get_person(connection, name)
    if person.disabled:
        raise PersonRefused(f"{person.name} is disabled")
    code, expires = secrets.token_urlsafe(24), now + CODE_LASTS
    params = {"person": person.person_id, "now": now}
    void_codes(connection, person.person_id)
    connection.execute(text(_ADD_CODE), {**params, "hash": digest_of(code), "expires": expires})
    record(connection, by, "person.password_code", f"person {person.name}", {})
    return PasswordCode(code=code, person=person, expires_at=expires)


def owner_of_code(connection: Connection, code: str, *, now: datetime) -> Person | None:
    """Whose password a code may set; None: it is unknown, used or too old."""
    params = {"hash": digest_of(code), "now": now}
    name = connection.execute(text(_CODE_OWNER), params).scalar_one_or_none()
    return None if name is None else get_person(connection, name)


def password_hash(connection: Connection, name: str) -> str | None:
    """The hash of an enabled person's password, by their normalised name."""
    return connection.execute(text(_HASH_OF), {"name": name}).scalar_one_or_none()


def keeps_password(connection: Connection, name: str, checked_hash: str | None) -> bool:
    """Whether an enabled person still has the password that was checked.

    Whoever sets another one waits for the end of the transaction, and then ends its session.
    """
    kept = connection.execute(text(_KEPT_HASH_OF), {"name": name}).scalar_one_or_none()
    return kept is not None and kept == checked_hash


def is_password(password: str, stored_hash: str | None) -> bool:
    """Whether a password fits a hash; without a hash it takes as long and does not."""
    try:
        _hasher.verify(stored_hash or _decoy(), password[:PASSWORD_CHARS_MAX])
    except (Argon2Error, InvalidHashError):
        return False
    return stored_hash is not None


@cache
def _decoy() -> str:
    """A hash of what nobody knows: an unknown name costs what a wrong password costs."""
    return _hasher.hash(secrets.token_urlsafe(16))


def digest_of(secret: str) -> str:
    """The SHA-256 of a code or session token, under which it is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
