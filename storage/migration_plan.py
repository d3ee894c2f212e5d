"""What ``tieout migrate`` would do: the locks of each pending revision, and for how long.

Nothing is executed: a revision's statements are recorded and read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.migration_statements import (
    WEAK_LOCKS,
    TableLock,
    effects_of,
    statements_in,
    tables_made,
)

#: Bytes of a table that a migration reads in a second, at least.
BYTES_PER_S = 50_000_000
#: A revision that keeps others waiting no longer than this is online, in seconds: callers wait
#: for ``receiver.commit_timeout``.
ONLINE_S = 1.0

_SCRIPTS = Path(__file__).parent / "migrations"
# An index that is dropped locks its table.
_SIZES = """
SELECT c.relname AS name, coalesce(t.relname, c.relname) AS of_table,
       pg_table_size(coalesce(t.oid, c.oid))::bigint AS bytes,
       greatest(coalesce(t.reltuples, c.reltuples), 0)::bigint AS rows
  FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_class t ON t.oid = i.indrelid
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'i')
"""


# A table that is dropped, or loses its reference, locks the table that it refers to.
_REFERRED = """
SELECT s.relname AS name, array_agg(DISTINCT t.relname::text) AS tables
  FROM pg_constraint c JOIN pg_class s ON s.oid = c.conrelid
  JOIN pg_class t ON t.oid = c.confrelid
 WHERE c.contype = 'f' GROUP BY s.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLock:
    """A lock of a revision; the names are JSON keys.

    Attributes:
        lock: PostgreSQL's name of it.
        reads_all: whether the statement takes as long as the table is large.
        bytes, rows: of the table now, rows as PostgreSQL estimates them.
        statement: its beginning.
    """

    table: str
    lock: str
    reads_all: bool
    bytes: int
    rows: int
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRevision:
    """A pending revision; the names are JSON keys.

    Attributes:
        locks: on tables that exist already.
        expected_s: how long it takes at most, in seconds, by the size of what it reads.
        online: whether nobody waits for longer than ``ONLINE_S``; None if its statements cannot
            be foreseen.
    """

    revision: str
    title: str
    locks: Sequence[PlannedLock]
    expected_s: float
    online: bool | None


def pending_revisions(current: str | None) -> list[str]:
    """The revisions that a database lacks, in order."""
    return [script.revision for script in _pending(current)]


def plan_migration(connection: Connection, current: str | None) -> list[PlannedRevision]:
    """What each revision that the database lacks does to the tables that are there."""
    tables = _Tables(
        sizes={row.name: row for row in connection.execute(text(_SIZES))},
        referred={row.name: row.tables for row in connection.execute(text(_REFERRED))},
    )
    return [_planned(script, tables) for script in _pending(current)]


def _pending(current: str | None) -> list[Any]:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    return sorted(
        (script for script in scripts if current is None or script.revision > current),
        key=lambda script: script.revision,
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables that are there, by name: their sizes, and what their foreign keys name."""

    sizes: Mapping[str, Any]
    referred: Mapping[str, Sequence[str]]

    def with_referred(self, effects: Iterable[TableLock]) -> Iterator[TableLock]:
        """The effects, and those of foreign keys that go with what is dropped."""
        for effect in effects:
            yield effect
            if "DROP" in effect.statement.upper():
                for name in self.referred.get(effect.table, ()):
                    yield replace(effect, table=name, reads_all=False)


def _planned(script: Any, tables: _Tables) -> PlannedRevision:
    recorder = _Recorder()
    is_foreseen = recorder.record(script.module)
    locks = list(_locks(tables.with_referred(recorder.effects()), tables.sizes))
    expected_s = sum(lock.bytes for lock in locks if lock.reads_all) / BYTES_PER_S
    blocks = any(lock.lock not in WEAK_LOCKS for lock in locks)
    return PlannedRevision(
        revision=script.revision,
        title=str(script.doc),
        locks=locks,
        expected_s=round(expected_s, 1),
        online=(not blocks or expected_s <= ONLINE_S) if is_foreseen else None,
    )


def _locks(effects: Iterator[TableLock], sizes: Mapping[str, Any]) -> Iterator[PlannedLock]:
    for effect in effects:
        size = sizes.get(effect.table)
        if size is not None:
            yield PlannedLock(
                table=size.of_table,
                lock=effect.lock,
                reads_all=effect.reads_all,
                bytes=size.bytes,
                rows=size.rows,
                statement=effect.statement,
            )


class _Recorder:
    """Stands in for ``alembic.op`` and a driver's cursor: keeps statements, executes none."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def record(self, revision: ModuleType) -> bool:
        """Run a revision against this; False if it does what cannot be recorded."""
        real = revision.op
        revision.op = self  # type: ignore[attr-defined]
        try:
            revision.upgrade()
        except (AttributeError, TypeError):
            return False
        finally:
            revision.op = real  # type: ignore[attr-defined]
        return True

    def effects(self) -> Iterator[TableLock]:
        """What the statements do to tables that they do not make themselves."""
        statements = [statement for sql in self._texts for statement in statements_in(sql)]
        new = {name for statement in statements for name in tables_made(statement)}
        for statement in statements:
            yield from (effect for effect in effects_of(statement) if effect.table not in new)

    def execute(self, statement: object, *_parameters: object) -> None:
        self._texts.append(str(statement))

    def get_bind(self) -> "_Recorder":
        return self

    @property
    def connection(self) -> "_Recorder":
        return self

    def cursor(self) -> "_Recorder":
        return self

    def close(self) -> None:
        """Nothing is open."""
