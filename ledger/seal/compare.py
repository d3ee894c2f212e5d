"""Compare a day's file with the books: name every row that was changed, removed or added.

The seal shows that a day differs. The file, whose own seal holds, shows in which row.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from ledger.seal.canonical_lines import day_bounds, day_lines
from ledger.seal.check_files import AuditResult
from ledger.seal.files import AFTER_BATCHES, SealLine, read_lines, row_name
from ledger.seal.seal import open_seal_snapshot
from storage.archive.row_cut import require_rows_since
from vocabulary.errors import Malformed

_SHOWN_MAX = 80
_RANK = {"batch": 0, "operation": 1, "entry": 1, "delivery": 2}
_RESIDUAL = frozenset({"residual", "residual_entry"})


class _Row(NamedTuple):
    """A row with its sort key among the day's rows."""

    key: tuple[int, ...]
    kind: str
    columns: dict[str, Any]
    raw: bytes

    @property
    def name(self) -> str:
        return row_name(self.kind, self.columns)


def compare(engine: Engine, path: Path, *, progress: Callable[[int], None]) -> AuditResult:
    """Compare a file with the books of the same day.

    Raises:
        Malformed: the file is not a day's file.
        RowsAreAway: rows of the day left for its archive.
        Unavailable: the database is out of reach.
    """
    file_lines = read_lines(path)
    header = next(file_lines, None)
    if header is None or header.kind != "header":
        raise Malformed(str(path), "a day's header is expected in the first line")
    result = AuditResult(days=[str(header.row["day"])])
    day = date.fromisoformat(result.days[0])
    with open_seal_snapshot(engine, "audit") as connection:
        require_rows_since(connection, day_bounds(day)["since"], f"a comparison of {day}")
        book_lines = day_lines(connection, day, header.row["layout"])
        books = _with_keys((kind, json.loads(raw)[kind], raw) for kind, raw in book_lines)
        _walk(books, _with_keys(_rows(file_lines)), result, progress)
    return result


def _walk(
    books: Iterator[_Row],
    file: Iterator[_Row],
    result: AuditResult,
    progress: Callable[[int], None],
) -> None:
    ours, theirs = next(books, None), next(file, None)
    while ours is not None or theirs is not None:
        progress(1)
        if theirs is None or (ours is not None and ours.key < theirs.key):
            assert ours is not None
            result.add_finding(f"{ours.name}: it is not in the file")
            ours = next(books, None)
        elif ours is None or theirs.key < ours.key:
            result.add_finding(f"{theirs.name}: it is no longer in the books")
            theirs = next(file, None)
        else:
            result.count(ours.kind)
            if ours.raw != theirs.raw:
                changes = _changes(ours.columns, theirs.columns)
                result.add_finding(f"{ours.name}: {changes}")
            ours, theirs = next(books, None), next(file, None)


def _changes(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    changed = [name for name in ours if ours[name] != theirs.get(name)]
    return ", ".join(
        f"{name} was {_shown(theirs.get(name))} and is {_shown(ours[name])}" for name in changed
    )


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"


def _rows(lines: Iterable[SealLine]) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    for line in lines:
        if line.kind in _RANK or line.kind in _RESIDUAL:
            yield line.kind, dict(line.row), line.raw


def _with_keys(rows: Iterable[tuple[str, dict[str, Any], bytes]]) -> Iterator[_Row]:
    """Every row with its sort key; an entry belongs to the batch of the row before it."""
    batch = 0
    for kind, columns, raw in rows:
        if kind in _RESIDUAL:
            key = (AFTER_BATCHES, int(columns["residual_id"]), int(columns.get("leg", 0)))
            yield _Row(key, kind, columns, raw)
            continue
        batch = int(columns.get("batch_id", batch))
        yield _Row((batch, _RANK[kind], *_order_in_batch(kind, columns)), kind, columns, raw)


def _order_in_batch(kind: str, columns: dict[str, Any]) -> tuple[int, ...]:
    if kind == "delivery":
        return (int(columns["delivery_id"]),)
    if kind == "batch":
        return ()
    leg = int(columns.get("leg", 0))
    return int(columns["wallet_id"]), int(columns["wallet_seq"]), leg
