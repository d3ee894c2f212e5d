"""Limits on guessing passwords, by name and by address. Table written: ``login_attempts``."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from console.accounts.passwords import digest_of

#: Failures count for so long.
WINDOW = timedelta(minutes=15)
#: Most failures of one name from one address, of one name from anywhere, of one address.
PER_NAME_AND_ADDRESS, PER_NAME, PER_ADDRESS = 8, 100, 40
#: How long attempts are kept.
_KEPT = timedelta(days=7)

_COUNT = """
SELECT count(*) FILTER (WHERE name_hash = :name AND address = :address) AS both,
       count(*) FILTER (WHERE name_hash = :name) AS name,
       count(*) FILTER (WHERE address = :address) AS address
  FROM login_attempts
 WHERE at > :since AND NOT succeeded AND (name_hash = :name OR address = :address)
"""
_ADD = """
INSERT INTO login_attempts (at, name_hash, address) VALUES (:now, :name, :address)
RETURNING attempt_id
"""
_SUCCEED = "UPDATE login_attempts SET succeeded = true WHERE attempt_id = :id"
_FORGET = "DELETE FROM login_attempts WHERE name_hash = :name AND NOT succeeded"
_CLEAN = "DELETE FROM login_attempts WHERE at < :before"


def begin_attempt(
    connection: Connection, name: str, address: str, *, now: datetime
) -> int | None:
    """Count an attempt before it is tried; None: there were too many, so it is not tried.

    It counts as a failure until ``succeeded`` says otherwise, so that attempts at one moment
    count, too.
    """
    params = {"name": digest_of(name), "address": address, "now": now, "since": now - WINDOW}
    failures = connection.execute(text(_COUNT), params).one()
    if (
        failures.both >= PER_NAME_AND_ADDRESS
        or failures.name >= PER_NAME
        or failures.address >= PER_ADDRESS
    ):
        return None
    return int(connection.execute(text(_ADD), params).scalar_one())


def succeeded(connection: Connection, attempt_id: int, *, now: datetime) -> None:
    """Note that an attempt was no failure, and forget old ones."""
    connection.execute(text(_SUCCEED), {"id": attempt_id})
    connection.execute(text(_CLEAN), {"before": now - _KEPT})


def forget_failures(connection: Connection, name: str) -> None:
    """Forget the failures of a name whose person has just chosen a password by a link."""
    connection.execute(text(_FORGET), {"name": digest_of(name)})
