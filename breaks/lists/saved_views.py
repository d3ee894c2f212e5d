"""Lists of breaks that people come back to, their own and those that others share.

Table written: ``saved_views``.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from breaks.states import ActionRefused

#: Most views of one person.
VIEWS_MAX = 50
#: Longest name, in characters.
NAME_CHARS_MAX = 60
_OF_PERSON = """
SELECT v.view_id, v.name, v.address, v.shared, p.name AS owner,
       v.person_id = :person_id AS is_own
  FROM saved_views v JOIN people p USING (person_id)
 WHERE v.person_id = :person_id OR v.shared
 ORDER BY is_own DESC, v.name, p.name LIMIT 200
"""
_SAVE = """
INSERT INTO saved_views (person_id, name, address, shared, saved_at)
SELECT :person_id, :name, :address, :shared, :now
 WHERE (SELECT count(*) FROM saved_views WHERE person_id = :person_id AND name <> :name) < :most
ON CONFLICT (person_id, name)
DO UPDATE SET address = EXCLUDED.address, shared = EXCLUDED.shared, saved_at = EXCLUDED.saved_at
"""
_REMOVE = "DELETE FROM saved_views WHERE view_id = :id AND person_id = :person_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """A saved list.

    Attributes:
        address: the query of the list's address.
        shared: whether everybody sees it; its owner alone changes it.
    """

    view_id: int
    name: str
    address: str
    shared: bool
    owner: str
    is_own: bool


def saved_views(connection: Connection, person_id: int) -> list[SavedView]:
    """A person's own views, then those that others share."""
    rows = connection.execute(text(_OF_PERSON), {"person_id": person_id}).mappings()
    return [SavedView(**row) for row in rows]


def save_view(
    connection: Connection,
    person_id: int,
    *,
    name: str,
    address: str,
    shared: bool,
    now: datetime,
) -> None:
    """Save a view; another one of the person with this name is replaced.

    Raises:
        ActionRefused: the name is empty or too long, or the person has ``VIEWS_MAX`` views.
    """
    if not name or len(name) > NAME_CHARS_MAX:
        raise ActionRefused(f"a name of at most {NAME_CHARS_MAX} characters is expected")
    params = {
        "person_id": person_id,
        "name": name,
        "address": address,
        "shared": shared,
        "now": now,
        "most": VIEWS_MAX,
    }
    if connection.execute(text(_SAVE), params).rowcount != 1:
        raise ActionRefused(f"{VIEWS_MAX} views are saved already: remove one first")


def remove_view(connection: Connection, person_id: int, view_id: int) -> bool:
    """Remove a view of the person; False if it is none of theirs."""
    params = {"id": view_id, "person_id": person_id}
    return connection.execute(text(_REMOVE), params).rowcount == 1
