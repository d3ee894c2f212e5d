"""People whom comments name, as ``@maria``, until they have read it.

Table written: ``break_mentions``.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from storage.people import people_in
from vocabulary.people import Person

_STORE = """
INSERT INTO break_mentions (note_id, person_id, break_id) VALUES (:note_id, :person_id, :id)
"""
_UNREAD = """
SELECT count(DISTINCT break_id) FROM break_mentions
 WHERE person_id = :person_id AND read_at IS NULL
"""
_IS_UNREAD = """
SELECT EXISTS (SELECT FROM break_mentions
                WHERE person_id = :person_id AND break_id = :id AND read_at IS NULL)
"""
_READ = """
UPDATE break_mentions SET read_at = :now
 WHERE person_id = :person_id AND break_id = :id AND read_at IS NULL
"""


def mentioned_people(body: str, people: Iterable[Person]) -> list[Person]:
    """The people whom a comment names: an at sign and their name, as a word of its own."""
    lowered = body.casefold()
    return [
        person
        for person in people
        if not person.disabled
        and re.search(rf"(?<![\w@])@{re.escape(person.name)}(?![\w])", lowered)
    ]


def store_mentions(connection: Connection, break_id: str, note_id: int, body: str) -> None:
    """Remember whom a comment names."""
    if "@" not in body:
        return
    for person in mentioned_people(body, people_in(connection)):
        params = {"note_id": note_id, "person_id": person.person_id, "id": break_id}
        connection.execute(text(_STORE), params)


def count_unread(connection: Connection, person_id: int) -> int:
    """The number of breaks with a comment that names the person, who has not read it."""
    count = connection.execute(text(_UNREAD), {"person_id": person_id}).scalar_one()
    return int(count)


def is_unread(connection: Connection, break_id: str, person_id: int) -> bool:
    """Whether a comment of a break names the person, who has not read it."""
    params = {"id": break_id, "person_id": person_id}
    return bool(connection.execute(text(_IS_UNREAD), params).scalar_one())


def mark_read(connection: Connection, break_id: str, person_id: int, *, now: datetime) -> None:
    """Take it that the person has read every comment of a break."""
    params = {"id": break_id, "person_id": person_id, "now": now}
    connection.execute(text(_READ), params)
