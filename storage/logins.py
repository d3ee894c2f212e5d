"""Ending what lets a person in: sessions of the console, and links that set a password.

Tables written: ``console_sessions``, ``password_codes``.
"""

from sqlalchemy import Connection, text

_END_SESSIONS = """
UPDATE console_sessions SET ended_at = now() WHERE person_id = :person AND ended_at IS NULL
"""
_VOID_CODES = """
UPDATE password_codes SET used_at = now() WHERE person_id = :person AND used_at IS NULL
"""


def end_logins(connection: Connection, person_id: int) -> None:
    """End all sessions of a person, and void their unused links."""
    connection.execute(text(_END_SESSIONS), {"person": person_id})
    void_codes(connection, person_id)


def void_codes(connection: Connection, person_id: int) -> None:
    """Void the unused links with which a person could set a password."""
    connection.execute(text(_VOID_CODES), {"person": person_id})
