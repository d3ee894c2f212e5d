"""Bring rows back that left for an archive, where something names them.

A demand is a row of ``recalls``: an operation by its key, or a round by its id. Its round comes
with it, whole, because a round leaves whole. ``archived_keys`` says of which days the
archive's files are; the database puts the rows back as they were when they left, and makes the
round's rows from them. A name that the archive does not have is noted as absent: its hash is
that of another one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from ledger.archive.recalled_rows import ArchivedRow, Sweeps, as_it_left, sweeps_of
from ledger.posting.rules import SWEEP_GGR_LEG
from storage.archive.archives import Archive, list_archives
from storage.archive.rows import answered_rows, rows_request
from storage.archive.rows_request import RowsRequest
from storage.transactions import reading, transaction
from vocabulary.errors import Contradiction, NotAllowed
from vocabulary.ids import match_key

Kind = Literal["operation", "round"]

#: Demands that one run reads the archives for.
DEMANDS_MAX = 100
_EPOCH = date(1970, 1, 1)
_ENTRY_COLUMNS = ("wallet_id", "wallet_seq", "leg", "amount")

_WANTED = """
SELECT r.recall_id, r.kind, r.provider, r.name, r.hash, archived_days(r.hash) AS days
  FROM recalls r
 WHERE r.came_at IS NULL AND archived_days(r.hash) IS NOT NULL
   AND (CAST(:recall AS bigint) IS NULL OR r.recall_id = :recall)
 ORDER BY r.recall_id LIMIT :limit
"""
_DAYS = """
SELECT key, archived_days(key) AS days FROM unnest(CAST(:keys AS bigint[])) AS key
"""
_COLUMNS = """
SELECT attname::text FROM pg_attribute
 WHERE attrelid = 'operations'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_RECALL = "SELECT recall_rows(:recall, CAST(:came AS jsonb))"
_IS_AWAY: Mapping[Kind, str] = {
    "operation": "SELECT is_operation_away(:provider, :name)",
    "round": "SELECT is_round_away(:provider, :name, :hash)",
}
_HASH: Mapping[Kind, str] = {
    "operation": "SELECT operation_hash(:provider, :name)",
    "round": "SELECT CAST(:match_key AS bigint)",
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


class NotAway(NotAllowed):
    """Nothing of this name is in an archive only."""


class Recalled(NamedTuple):
    """How many demands were met, and with how many rows of operations."""

    demands: int
    operations: int


class _Round(NamedTuple):
    provider: str
    round_id: str
    match_key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """A row of ``recalls``, and the days of archives that may have it."""

    recall_id: int
    kind: Kind
    provider: str
    name: str
    hash: int
    days: tuple[date, ...]


def demand(connection: Connection, kind: Kind, provider: str, name: str, *, by: str) -> int:
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


def recall(engine: Engine, recall_id: int) -> Recalled:
    """Meet one demand; nothing if it is met already. Raises as ``recall_wanted``."""
    return _meet(engine, recall_id, 1)


def recall_wanted(engine: Engine, *, limit: int = DEMANDS_MAX) -> Recalled:
    """Meet the oldest demands that wait.

    Raises:
        Contradiction: an archive has rows that did not leave, or other ones.
        Unavailable: the database or an archive is out of reach or damaged; what waits goes on
            waiting.
    """
    return _meet(engine, None, limit)


def _meet(engine: Engine, recall_id: int | None, limit: int) -> Recalled:
    with reading(engine, "recall") as connection:
        params = {"recall": recall_id, "limit": limit}
        rows = connection.execute(text(_WANTED), params).mappings().all()
        demands = [_Demand(**{**row, "days": _dates(row["days"])}) for row in rows]
        if not demands:
            return Recalled(0, 0)
        files = _ArchivedDays(connection)
        rounds = dict(_rounds_of(files, demands))
        days = _days_of(connection, demands, rounds)
    operations = _operations_of(files, days)
    met = 0
    for wanted in demands:
        of = rounds.get(wanted.recall_id)
        met += _put_back(engine, wanted, [] if of is None else operations[of])
    return Recalled(len(demands), met)


def _rounds_of(
    files: "_ArchivedDays", demands: Sequence[_Demand]
) -> Iterator[tuple[int, _Round]]:
    """The round of each demand by its id; none for an operation that no archive has."""
    named: dict[tuple[date, str, str], int] = {}
    for wanted in demands:
        if wanted.kind == "round":
            yield wanted.recall_id, _Round(wanted.provider, wanted.name, wanted.hash)
        else:
            for day in wanted.days:
                named[day, wanted.provider, wanted.name] = wanted.recall_id
    keys: dict[date, list[str]] = defaultdict(list)
    for day, _, op_key in named:
        keys[day].append(op_key)
    for day, row in files.operations_named(keys):
        recall_id = named.get((day, row["provider"], row["op_key"]))
        if recall_id is not None:
            yield recall_id, _round_of(row)


def _days_of(
    connection: Connection, demands: Sequence[_Demand], rounds: Mapping[int, _Round]
) -> dict[date, set[_Round]]:
    """By day, the rounds that its files have operations of."""
    keys = sorted({of.match_key for of in rounds.values()})
    rows = connection.execute(text(_DAYS), {"keys": keys}).all()
    archived = {row.key: _dates(row.days or ()) for row in rows}
    days: dict[date, set[_Round]] = defaultdict(set)
    for wanted in demands:
        if (of := rounds.get(wanted.recall_id)) is not None:
            for day in {*archived[of.match_key], *wanted.days}:
                days[day].add(of)
    return days


def _operations_of(
    files: "_ArchivedDays", days: Mapping[date, set[_Round]]
) -> dict[_Round, list[dict[str, Any]]]:
    """By round, its operations as they left."""
    keys = {day: [of.match_key for of in rounds] for day, rounds in sorted(days.items())}
    rows, sweeps = files.operations_in_rounds(keys)
    operations: dict[_Round, list[dict[str, Any]]] = defaultdict(list)
    for day, row in rows:
        if (of := _round_of(row)) in days[day]:
            operations[of].append(as_it_left(row, sweeps))
    return operations


def _put_back(engine: Engine, wanted: _Demand, came: Sequence[Mapping[str, Any]]) -> int:
    params = {"recall": wanted.recall_id, "came": msgspec.json.encode(came).decode()}
    try:
        with transaction(engine, "recall") as connection:
            return int(connection.execute(text(_RECALL), params).scalar_one())
    except IntegrityError as error:
        cause = str(error.orig).partition("\n")[0]
        raise Contradiction(
            f"the {wanted.kind} {wanted.name} of {wanted.provider} is not recalled: {cause};"
            " see `tieout archive check`"
        ) from error


class _ArchivedDays:
    """Reads the files of archived days, each after a comparison with its hash."""

    def __init__(self, connection: Connection) -> None:
        self._archives = {archive.month: archive for archive in list_archives(connection)}
        self._columns = list(connection.execute(text(_COLUMNS)).scalars())

    def operations_named(
        self, op_keys: Mapping[date, Sequence[str]]
    ) -> Iterator[tuple[date, ArchivedRow]]:
        """The operations with these keys, of any provider, with their rounds, by day."""
        columns = ("provider", "op_key", "match_key", "round_id")
        requests = [
            self._request(day, "operations", columns, "op_key", keys)
            for day, keys in op_keys.items()
        ]
        return ((day, row) for _, day, row in _answers(requests))

    def operations_in_rounds(
        self, match_keys: Mapping[date, Sequence[int]]
    ) -> tuple[list[tuple[date, ArchivedRow]], Sweeps]:
        """The operations of rounds by day, every column, and what their sweeps moved."""
        requests = [
            self._request(day, table, columns, "match_key", keys)
            for day, keys in match_keys.items()
            for table, columns in (("operations", self._columns), ("entries", _ENTRY_COLUMNS))
        ]
        operations: list[tuple[date, ArchivedRow]] = []
        entries: list[ArchivedRow] = []
        for table, day, row in _answers(requests):
            if table == "operations":
                operations.append((day, row))
            else:
                entries.append(row)
        return operations, sweeps_of(entries, leg=SWEEP_GGR_LEG)

    def _request(
        self,
        day: date,
        table: str,
        columns: Sequence[str],
        key: str,
        values: Sequence[int] | Sequence[str],
    ) -> RowsRequest:
        return rows_request(
            self._archive(day), table, columns, day=day, key=key, values=values, checked=True
        )

    def _archive(self, day: date) -> Archive:
        try:
            return self._archives[day.replace(day=1)]
        except KeyError:
            raise Contradiction(
                f"{day}: rows of this day left, and no archive has it"
            ) from None


def _answers(requests: Sequence[RowsRequest]) -> Iterator[tuple[str, date, ArchivedRow]]:
    """Rows by their columns, each with its table and day."""
    for request, row in answered_rows(requests):
        assert request.day is not None
        yield request.table, request.day, dict(zip(request.columns, row, strict=True))


def _round_of(row: ArchivedRow) -> _Round:
    return _Round(row["provider"], row["round_id"], row["match_key"])


def _dates(days: Iterable[int]) -> tuple[date, ...]:
    return tuple(_EPOCH + timedelta(days=day) for day in days)
