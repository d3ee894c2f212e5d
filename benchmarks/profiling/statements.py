"""What PostgreSQL did: statements, indexes and write-ahead log, from its own statistics.

PostgreSQL measures statements by the clock. On a busy machine a backend waits for a processor
in the middle of a statement, so times are multiplied by the share of its time in which it ran.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from ops.engines import servers
from ops.settings.model import Settings
from storage.transactions import engine_at

#: How much of a statement is shown.
LABEL_MAX = 44

_SETTINGS = (
    "ALTER SYSTEM SET pg_stat_statements.track_planning = on",
    "ALTER SYSTEM SET pg_stat_statements.track = 'top'",
    "CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
    "CREATE EXTENSION IF NOT EXISTS pg_walinspect",
    "SELECT pg_reload_conf()",
)
_STATEMENTS = """
SELECT r.rolname AS role, s.query, sum(s.calls)::bigint AS calls, sum(s.rows)::bigint AS rows,
       sum(s.total_plan_time) AS plan_ms, sum(s.total_exec_time) AS execute_ms,
       sum(s.wal_bytes)::bigint AS wal_bytes,
       sum(s.shared_blks_hit + s.shared_blks_read)::bigint AS buffers,
       sum(s.shared_blks_read)::bigint AS buffers_read
  FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
 WHERE r.rolname LIKE 'tieout%' AND s.query NOT LIKE '%pg_stat%'
 GROUP BY r.rolname, s.query
 ORDER BY sum(s.total_exec_time + s.total_plan_time) DESC
"""
_RELATIONS = """
SELECT c.relname AS relation, coalesce(t.relname, '') AS owner, c.relfilenode AS file,
       pg_relation_size(c.oid) AS bytes, coalesce(x.idx_scan, 0) AS scans,
       coalesce(x.idx_tup_read, 0) AS tuples_read, coalesce(b.idx_blks_hit, 0)
       + coalesce(b.idx_blks_read, 0) AS buffers
  FROM pg_class c
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_class t ON t.oid = i.indrelid
  LEFT JOIN pg_stat_user_indexes x ON x.indexrelid = c.oid
  LEFT JOIN pg_statio_user_indexes b ON b.indexrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')
"""
_HEAP_UPDATES = """
SELECT relname AS relation, n_tup_upd AS updated, n_tup_hot_upd AS heap_only
  FROM pg_stat_user_tables WHERE n_tup_upd > 0
"""
_WAL_BY_FILE = """
SELECT relfilenode AS file, sum(coalesce(block_data_length, 0))::bigint AS data,
       sum(coalesce(block_fpi_length, 0))::bigint AS images
  FROM pg_get_wal_block_info(CAST(:start AS pg_lsn), CAST(:stop AS pg_lsn))
 GROUP BY relfilenode
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of one role; times in milliseconds by the clock."""

    role: str
    query: str
    calls: int
    rows: int
    plan_ms: float
    execute_ms: float
    wal_bytes: int
    buffers: int
    buffers_read: int

    @property
    def label(self) -> str:
        """The verb and the first table, as far as they fit."""
        words = " ".join(self.query.split())
        labels = (label for piece, label in _KNOWN.items() if piece in words)
        return next(labels, words[:LABEL_MAX])

    @property
    def waits(self) -> bool:
        """Whether its time is spent waiting for the disk, not on a processor."""
        return self.query.strip().upper().startswith("COMMIT")


#: Pieces of the statements of the accept path and of posting, and what to call them.
_KNOWN = {
    "operation_line": "accept: batch, operations, deliveries, wallets",
    "LEFT JOIN handles": "accept: read players and wallets",
    "o.fingerprint": "accept: read operations",
    "INSERT INTO rounds": "post: rounds",
    "WITH due AS": "post: sweep ended rounds",
    "INSERT INTO entries": "post: entries",
    "UPDATE batches SET posted_at": "post: mark batches",
    "FOR UPDATE SKIP LOCKED": "post: lock batches",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table or index: its size, its use, and the log written for it, in bytes."""

    name: str
    owner: str
    bytes: int
    scans: int
    buffers: int
    wal_data: int = 0
    wal_images: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReading:
    """What the server has counted."""

    wal_position: str
    statements: Sequence[Statement]
    relations: Mapping[int, Relation]
    heap_updates: Mapping[str, tuple[int, int]]


def load_statistics(data: Path) -> None:
    """Restart the embedded server with ``pg_stat_statements``; nobody may be connected."""
    url = servers.ensure_running(data, Settings()).migration_url
    _execute(url, ("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",))
    servers.stop(data)
    _execute(servers.ensure_running(data, Settings()).migration_url, _SETTINGS)


def reset(connection: Connection) -> None:
    """Count statements from here on."""
    connection.execute(text("SELECT pg_stat_statements_reset()"))


def read(connection: Connection) -> ServerReading:
    """What was counted since the last reset; sizes and uses since ever."""
    position = connection.execute(text("SELECT pg_current_wal_insert_lsn()::text")).scalar_one()
    statements = [Statement(**row) for row in connection.execute(text(_STATEMENTS)).mappings()]
    connection.execute(text("SELECT pg_stat_force_next_flush()"))
    relations = {
        row["file"]: Relation(
            name=row["relation"],
            owner=row["owner"],
            bytes=row["bytes"],
            scans=row["scans"],
            buffers=row["buffers"],
        )
        for row in connection.execute(text(_RELATIONS)).mappings()
    }
    updates = {
        row["relation"]: (row["updated"], row["heap_only"])
        for row in connection.execute(text(_HEAP_UPDATES)).mappings()
    }
    return ServerReading(
        wal_position=position,
        statements=statements,
        relations=relations,
        heap_updates=updates,
    )


def relations_since(
    connection: Connection, before: ServerReading, after: ServerReading
) -> list[Relation]:
    """What was added to each table and index between two readings, most log first."""
    span = {"start": before.wal_position, "stop": after.wal_position}
    rows = connection.execute(text(_WAL_BY_FILE), span)
    wal = {row.file: (row.data, row.images) for row in rows}
    grown = []
    for file, now in after.relations.items():
        was = before.relations.get(file)
        data, images = wal.get(file, (0, 0))
        grown.append(
            Relation(
                name=now.name,
                owner=now.owner,
                bytes=now.bytes - (was.bytes if was else 0),
                scans=now.scans - (was.scans if was else 0),
                buffers=now.buffers - (was.buffers if was else 0),
                wal_data=data,
                wal_images=images,
            )
        )
    used = [
        relation
        for relation in grown
        if relation.bytes or relation.wal_data or relation.wal_images
    ]
    return sorted(used, key=lambda relation: -(relation.wal_data + relation.wal_images))


def wal_bytes(connection: Connection, before: ServerReading, after: ServerReading) -> int:
    """All write-ahead log between two readings, in bytes."""
    difference = text("SELECT pg_wal_lsn_diff(CAST(:stop AS pg_lsn), CAST(:start AS pg_lsn))")
    span = {"start": before.wal_position, "stop": after.wal_position}
    return int(connection.execute(difference, span).scalar_one())


def _execute(url: str, statements: Sequence[str]) -> None:
    with engine_at(url, pool_size=1) as engine, engine.connect() as connection:
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            free.execute(text(statement))
