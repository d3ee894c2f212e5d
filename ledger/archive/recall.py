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
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from ledger.archive.archived_days import ArchivedDays
from ledger.archive.recalled_rows import ArchivedRow, as_it_left
from storage.archive.rows import ArchiveUnreadable
from storage.transactions import reading, transaction
from vocabulary.errors import Contradiction
from vocabulary.ids import RowKind

#: Demands that the archives are read for at once.
DEMANDS_MAX = 100
_EPOCH = date(1970, 1, 1)

_WANTED = """
SELECT r.recall_id, r.kind, r.provider, r.name, r.hash, archived_days(r.hash) AS days
  FROM recalls r
 WHERE r.came_at IS NULL AND archived_days(r.hash) IS NOT NULL
   AND (CAST(:recall AS bigint) IS NULL OR r.recall_id = :recall) AND r.recall_id > :after
 ORDER BY r.recall_id LIMIT :limit
"""
_DAYS = """
SELECT key, archived_days(key) AS days FROM unnest(CAST(:keys AS bigint[])) AS key
"""
_RECALL = "SELECT recall_rows(:recall, CAST(:came AS jsonb))"


class Recalled(NamedTuple):
    """What became of demands.

    Attributes:
        demands: how many were met.
        operations: rows of operations that they have.
        waiting: for each that goes on waiting, why.
    """

    demands: int
    operations: int
    waiting: tuple[str, ...] = ()

    def plus(self, other: "Recalled") -> "Recalled":
        """Both together."""
        return Recalled(
            self.demands + other.demands,
            self.operations + other.operations,
            self.waiting + other.waiting,
        )


class _Round(NamedTuple):
    provider: str
    round_id: str
    match_key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """A row of ``recalls``, and the days of archives that may have it."""

    recall_id: int
    kind: RowKind
    provider: str
    name: str
    hash: int
    days: tuple[date, ...]


def recall(engine: Engine, recall_id: int) -> Recalled:
    """Meet one demand; nothing if it is met already.

    Raises:
        Contradiction: the archive has rows that did not leave, or other ones.
        Unavailable: the database or an archive is out of reach or damaged.
    """
    with reading(engine, "recall") as connection:
        demands = _demands(connection, recall=recall_id)
        files = ArchivedDays(connection)
    recalled = _meet(engine, files, demands)
    if recalled.waiting:
        raise Contradiction(recalled.waiting[0])
    return recalled


def recall_wanted(engine: Engine, *, limit: int = DEMANDS_MAX) -> Recalled:
    """Meet all demands that wait, the oldest first; each is met or waits for itself.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "recall") as connection:
        files = ArchivedDays(connection)
    recalled, after = Recalled(0, 0), 0
    while True:
        with reading(engine, "recall") as connection:
            demands = _demands(connection, after=after, limit=limit)
        if not demands:
            return recalled
        recalled = recalled.plus(_meet_apart(engine, files, demands))
        after = demands[-1].recall_id


def _demands(
    connection: Connection, *, recall: int | None = None, after: int = 0, limit: int = 1
) -> list[_Demand]:
    params = {"recall": recall, "after": after, "limit": limit}
    rows = connection.execute(text(_WANTED), params).mappings().all()
    return [
        _Demand(**{**row, "kind": RowKind(row["kind"]), "days": _dates(row["days"])})
        for row in rows
    ]


def _meet_apart(engine: Engine, files: ArchivedDays, demands: Sequence[_Demand]) -> Recalled:
    """Meet demands at once; in halves if an archive fails one, so that it fails alone."""
    try:
        return _meet(engine, files, demands)
    except (Contradiction, ArchiveUnreadable) as error:
        if len(demands) == 1:
            return Recalled(0, 0, (str(error),))
    half = len(demands) // 2
    first = _meet_apart(engine, files, demands[:half])
    return first.plus(_meet_apart(engine, files, demands[half:]))


def _meet(engine: Engine, files: ArchivedDays, demands: Sequence[_Demand]) -> Recalled:
    """Read the archives for demands, and put back what each of them wants.

    Raises:
        Contradiction: no archive has a day that rows left for; nothing came back.
        ArchiveUnreadable: nothing came back.
    """
    rounds = dict(_rounds_of(files, demands))
    with reading(engine, "recall") as connection:
        days = _days_of(connection, demands, rounds)
    operations = _operations_of(files, days)
    recalled = Recalled(0, 0)
    for wanted in demands:
        of = rounds.get(wanted.recall_id)
        try:
            came = _put_back(engine, wanted, [] if of is None else operations[of])
        except Contradiction as error:
            recalled = recalled.plus(Recalled(0, 0, (str(error),)))
        else:
            recalled = recalled.plus(Recalled(1, came))
    return recalled


def _rounds_of(files: ArchivedDays, demands: Sequence[_Demand]) -> Iterator[tuple[int, _Round]]:
    """The round of each demand by its id; none for an operation that no archive has."""
    named: dict[tuple[date, str, str], int] = {}
    for wanted in demands:
        if wanted.kind is RowKind.ROUND:
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
    files: ArchivedDays, days: Mapping[date, set[_Round]]
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


def _round_of(row: ArchivedRow) -> _Round:
    return _Round(row["provider"], row["round_id"], row["match_key"])


def _dates(days: Iterable[int]) -> tuple[date, ...]:
    return tuple(_EPOCH + timedelta(days=day) for day in days)
