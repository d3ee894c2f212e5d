"""Ask for rows that left for an archive, by the name of an operation or of a round.

Table written: ``recalls``; ``audit`` where a person asks.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from storage.audit import record
from vocabulary.errors import NotAllowed
from vocabulary.ids import RowKind, match_key

_IS_AWAY: Mapping[RowKind, str] = {
    RowKind.OPERATION: "SELECT is_operation_away(:provider, :name)",
    RowKind.ROUND: "SELECT is_round_away(:provider, :name, :hash)",
}
_HASH: Mapping[RowKind, str] = {
    RowKind.OPERATION: "SELECT operation_hash(:provider, :name)",
    RowKind.ROUND: "SELECT CAST(:match_key AS bigint)",
}
_DEMAND = """
INSERT INTO recalls (kind, provider, name, hash, wanted_by)
VALUES (:kind, :provider, :name, :hash, :by)
ON CONFLICT (provider, kind, name) WHERE came_at IS NULL DO NOTHING
"""
_DEMANDED = """
SELECT recall_id FROM recalls
 WHERE (kind, provider, name) = (:kind, :provider, :name) AND came_at IS NULL
"""
_WAITING = """
SELECT wanted_by, wanted_at FROM recalls
 WHERE (kind, provider, name) = (:kind, :provider, :name) AND came_at IS NULL
"""


class NotAway(NotAllowed):
    """Nothing of this name is in an archive only."""


class WaitingDemand(NamedTuple):
    """Rows that did not come yet, and who asked: a person, a callback, posting or a run."""

    by: str
    at: datetime


def demand(connection: Connection, kind: RowKind, provider: str, name: str, *, by: str) -> int:
    """Ask for the rows of an operation or a round; returns the id of the demand.

    Raises:
        NotAway: its rows are here, or there never were any.
    """
    params: dict[str, Any] = {"kind": kind, "provider": provider, "name": name, "by": by}
    params["match_key"] = match_key(provider, name)
    params["hash"] = connection.execute(text(_HASH[kind]), params).scalar_one()
    if not connection.execute(text(_IS_AWAY[kind]), params).scalar_one():
        raise NotAway(
            f"the {kind} {name} of {provider} is in no archive only: it is here, or there is"
            f" none; see `tieout find {name}`"
        )
    connection.execute(text(_DEMAND), params)
    recall_id: int = connection.execute(text(_DEMANDED), params).scalar_one()
    return recall_id


def demand_as(
    connection: Connection, kind: RowKind, provider: str, name: str, person: str
) -> int:
    """Ask for rows in a person's name, with an audit row; returns the id of the demand.

    Raises:
        NotAway: as ``demand``.
    """
    recall_id = demand(connection, kind, provider, name, by=person)
    detail = {"kind": kind, "provider": provider, "recall": recall_id}
    record(connection, person, "archive.recalled", name, detail)
    return recall_id


def waiting_demand(
    connection: Connection, kind: RowKind, provider: str, name: str
) -> WaitingDemand | None:
    """The demand of these rows that waits; None: nobody asked, or they came."""
    params = {"kind": kind, "provider": provider, "name": name}
    row = connection.execute(text(_WAITING), params).one_or_none()
    return None if row is None else WaitingDemand(row.wanted_by, row.wanted_at)
