"""``listed_breaks``: what it mirrors of breaks and their workflows, and how to fill it anew.

Triggers write its rows. They differ from what they mirror only if somebody wrote one of the
three tables with triggers off.
Tables read: ``breaks``, ``break_workflows``, ``listed_breaks``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import Engine, text

from storage.transactions import transaction
from vocabulary.errors import NotAllowed

#: By column of ``listed_breaks`` except its key, what it mirrors: of a row ``b`` of ``breaks``
#: or of its workflow ``l``.
MIRRORED: Mapping[str, str] = MappingProxyType(
    {
        **{name: f"l.{name}" for name in ("opened_at", "state", "assignee")},
        **{
            name: f"b.{name}"
            for name in (
                *("difference", "began_at", "cleared_at", "provider", "kind", "impact"),
                *("currency", "player", "round_id", "alias", "games", "words"),
            )
        },
    }
)
#: That a row ``t`` of the list differs from what it mirrors, or that one of both is missing.
DIFFERS = (
    f"({', '.join(f't.{name}' for name in MIRRORED)})"
    f" IS DISTINCT FROM ({', '.join(MIRRORED.values())})"
)
_BOTH = "breaks b JOIN break_workflows l USING (break_id)"
_MAY_WRITE = """
SELECT current_user, pg_has_role(current_user, relowner, 'USAGE')
  FROM pg_class WHERE oid = 'listed_breaks'::regclass
"""
# Writers of breaks wait, readers do not. A run writes breaks before workflows, so locks come in
# this order, too.
_LOCK = "LOCK TABLE breaks, break_workflows IN SHARE ROW EXCLUSIVE MODE"
_REMOVE = f"""
DELETE FROM listed_breaks t
 WHERE NOT EXISTS (SELECT FROM {_BOTH} WHERE b.break_id = t.break_id)
"""  # noqa: S608 - our own columns
_WRITE = f"""
INSERT INTO listed_breaks (break_id, {", ".join(MIRRORED)})
SELECT b.break_id, {", ".join(MIRRORED.values())}
  FROM {_BOTH} LEFT JOIN listed_breaks t USING (break_id)
 WHERE {DIFFERS}
ON CONFLICT (break_id) DO UPDATE
   SET {", ".join(f"{name} = excluded.{name}" for name in MIRRORED)}
"""  # noqa: S608 - our own columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Relisted:
    """What filling the list anew changed, in rows; rows that were right are left alone.

    Attributes:
        written: added, or written over.
        removed: of no break, or of one without a workflow.
    """

    written: int
    removed: int


def relist_breaks(owner: Engine) -> Relisted:
    """Make each row of ``listed_breaks`` what it mirrors; writers of breaks wait meanwhile.

    Args:
        owner: connects as the owner of the tables: no other role may write the list.

    Raises:
        NotAllowed: the database role is not the owner; nothing changed.
        Unavailable: the database is out of reach.
    """
    with transaction(owner, "relist") as connection:
        role, may_write = connection.execute(text(_MAY_WRITE)).one()
        if not may_write:
            raise NotAllowed(
                f"the database role {role} may not write the list of breaks: only the owner of"
                " the tables may; set database.owner_url"
            )
        connection.execute(text(_LOCK))
        removed = connection.execute(text(_REMOVE)).rowcount
        written = connection.execute(text(_WRITE)).rowcount
    return Relisted(written=written, removed=removed)
