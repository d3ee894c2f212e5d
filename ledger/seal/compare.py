"""Hold a day's file against the books: every row that was changed, removed or added is named.

The seal says that a day differs; the file, whose seal holds, says in which row.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from ledger.seal.canonical_lines import day_lines
from ledger.seal.files import AFTER_BATCHES, SealLine, read_lines, row_name
from ledger.seal.seal import open_seal_snapshot
from ledger.seal.verify import AuditResult
from vocabulary.errors import Malformed, Unavailable

_SHOWN_MAX = 80
_RANK = {"batch": 0, "operation": 1, "entry": 1, "delivery": 2}
_RESIDUAL = frozenset({"residual", "residual_entry"})


class _Row(NamedTuple):
    key: tuple[int, ...]
    kind: str
    row: dict[str, Any]
    raw: bytes


def compare(engine: Engine, path: Path, *, progress: Callable[[int], None]) -> AuditResult:
    """Compare a file with what the books hold for the same day.

    Raises:
        Malformed: the file is not a day's file.
        Unavailable: the database is out of reach.
    """
    told = read_lines(path)
    first = next(told, None)
    if first is None or first.kind != "header":
        raise Malformed(str(path), "a day's header is expected in the first line")
    audited = AuditResult(days=[str(first.row["day"])])
    day = date.fromisoformat(audited.days[0])
    try:
        with open_seal_snapshot(engine) as connection:
            ours = _placed(_parsed(day_lines(connection, day, first.row["layout"])))
            theirs = _placed(_rows(told))
            _walk(ours, theirs, audited, progress)
    except OperationalError as error:
        raise Unavailable("audit: the database is out of reach") from error
    return audited


def _walk(
    ours: Iterator[_Row],
    theirs: Iterator[_Row],
    audited: AuditResult,
    progress: Callable[[int], None],
) -> None:
    mine, other = next(ours, None), next(theirs, None)
    while mine is not None or other is not None:
        progress(1)
        if other is None or (mine is not None and mine.key < other.key):
            assert mine is not None
            audited.find(f"{row_name(mine.kind, mine.row)}: it is not in the file")
            mine = next(ours, None)
        elif mine is None or other.key < mine.key:
            audited.find(f"{row_name(other.kind, other.row)}: it is no longer in the books")
            other = next(theirs, None)
        else:
            audited.counts[mine.kind] = audited.counts.get(mine.kind, 0) + 1
            if mine.raw != other.raw:
                audited.find(
                    f"{row_name(mine.kind, mine.row)}: {_changes(mine.row, other.row)}"
                )
            mine, other = next(ours, None), next(theirs, None)


def _changes(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    changed = [name for name in ours if ours[name] != theirs.get(name)]
    return ", ".join(
        f"{name} was {_shown(theirs.get(name))} and is {_shown(ours[name])}" for name in changed
    )


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"


def _parsed(told: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    for kind, raw in told:
        yield kind, json.loads(raw)[kind], raw


def _rows(told: Iterable[SealLine]) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    for line in told:
        if line.kind in _RANK or line.kind in _RESIDUAL:
            yield line.kind, dict(line.row), line.raw


def _placed(told: Iterable[tuple[str, dict[str, Any], bytes]]) -> Iterator[_Row]:
    """Every row with its place; an entry stands in the batch of the operation before it."""
    batch = 0
    for kind, row, raw in told:
        if kind in _RESIDUAL:
            key = (AFTER_BATCHES, int(row["residual_id"]), int(row.get("leg", 0)))
            yield _Row(key, kind, row, raw)
            continue
        batch = int(row.get("batch_id", batch))
        place: tuple[int, ...] = (batch, _RANK[kind])
        if kind in {"operation", "entry"}:
            place += (int(row["wallet_id"]), int(row["wallet_seq"]), int(row.get("leg", 0)))
        elif kind == "delivery":
            place += (int(row["delivery_id"]),)
        yield _Row(place, kind, row, raw)
