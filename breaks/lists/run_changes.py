"""Which breaks a run opened, found again or cleared."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, text

from breaks.store import COLUMNS, TrackedBreak, break_from_row

_WHERE: Mapping[str, str] = MappingProxyType(
    {
        "opened": "b.first_seen = :at",
        "cleared": "b.cleared_at = :at",
    }
)
_LISTED = """
SELECT {columns} FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE b.provider = :provider AND {where}
 ORDER BY abs(b.difference) DESC, b.break_id LIMIT :limit
"""
_COUNTED = "SELECT count(*) FROM breaks b WHERE b.provider = :provider AND {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """Breaks that a run opened or cleared: the largest ones, and how many there are."""

    breaks: tuple[TrackedBreak, ...]
    total: int


def changes_by_run(
    connection: Connection, provider: str, started_at: datetime, *, limit: int
) -> Mapping[str, RunChange]:
    """What the run of a provider that started then ``opened`` and ``cleared``.

    A run dates what it opens and clears by its own start.
    """
    params = {"provider": provider, "at": started_at, "limit": limit}
    changes = {}
    for name, where in _WHERE.items():
        rows = connection.execute(text(_LISTED.format(columns=COLUMNS, where=where)), params)
        breaks = tuple(break_from_row(tuple(row)) for row in rows)
        total = connection.execute(text(_COUNTED.format(where=where)), params).scalar_one()
        changes[name] = RunChange(breaks=breaks, total=int(total))
    return changes
