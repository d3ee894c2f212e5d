"""Books of any size for ``benchmarks.console``: both sides, breaks in every state, signed days.

Rows are written in bulk with the guards off and the indexes built last. They are what the
programs would have written: chains, entries and sums hold, and ``tieout ledger verify`` proves
it. Every figure of a round follows from its number, so that no step has to sort the books:

- every tenth round is one of ``HEAVY`` players with long lives, the others play in turn;
- every sixteenth round of a wallet is two operations and a sweep, the others one;
- every so many rounds have a break, of each kind in turn.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Engine, text

from benchmarks.console.sql import AFTER, BEFORE, STEP, TABLES
from breaks.kinds import BreakKind
from ledger.posting.rules_sql import legs_sql
from reconcile.days.sums import figures_of
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from storage.engine import url_of
from storage.people import add_person
from vocabulary.clock import SystemClock
from vocabulary.ids import match_key
from vocabulary.people import Role
from vocabulary.window import day_window

#: The providers, each with the zone of its days.
ZONES = {
    "aggregator": "UTC",
    "agent_platform": "Europe/Berlin",
    "sportsbook": "America/Sao_Paulo",
    "xigs": "Asia/Tokyo",
}
HEAVY = 20
PEOPLE = {
    "maria": Role.FINANCE,
    "paul": Role.APPROVER,
    "ines": Role.OPS,
    "root": Role.ADMIN,
    "vera": Role.VIEWER,
}
_SLUGS = tuple(ZONES)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSize:
    """How much the books hold: each round has an operation and, if they reach, a record."""

    operations: int
    records: int
    breaks: int
    days: int


def round_id_of(number: int) -> str:
    """The provider's id of a round."""
    return str(10**18 + number * 7919)


def build(engine: Engine, size: BookSize) -> None:
    """Fill a migrated database."""
    now = SystemClock().now().replace(microsecond=0)
    start = now.replace(hour=0, minute=0, second=0) - timedelta(days=size.days)
    with engine.begin() as connection:
        registered = set(connection.execute(text("SELECT name FROM people")).scalars())
        for name, role in PEOPLE.items():
            if name not in registered:
                add_person(connection, name, roles={role}, by="benchmark")
    with psycopg.connect(url_of(engine), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '1GB'")
        _plan(connection, size, start, now)
        with _bare_tables(connection):
            for table, statement in TABLES.items():
                print(f"  {SystemClock().now():%H:%M:%S} {table}", flush=True)
                filled = statement.replace("{legs}", legs_sql())
                with connection.transaction():
                    connection.execute(filled.encode())
        connection.execute("VACUUM (ANALYZE)")
        run_id = _real_run(engine, start + timedelta(days=size.days // 2))
        for statement in AFTER:
            connection.execute(statement.encode(), {"run_id": run_id})
        connection.execute(
            "VACUUM ANALYZE breaks, break_workflows, listed_breaks, audit, runs, day_closes"
        )
        _sign_days(engine, connection, start, size.days)
        connection.execute("DROP VIEW planned; DROP TABLE plan, plan_terms")
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def _plan(
    connection: "psycopg.Connection[Any]", size: BookSize, start: datetime, now: datetime
) -> None:
    """The number and the match key of every round, and the view that works out the rest."""
    microseconds = int((now - start) / timedelta(microseconds=1)) // size.operations
    terms = {
        "slugs": list(_SLUGS),
        "zones": list(ZONES.values()),
        "kinds": [str(kind) for kind in BreakKind],
        "start": start,
        "now": now,
        "every": microseconds,
        "rounds": size.operations,
        "records": size.records,
        "step": max(size.operations // size.breaks, 1),
        "heavy": HEAVY,
        "light": max(size.operations // 200, 50),
        "days": size.days,
    }
    for statement in BEFORE:
        connection.execute(statement.encode())
    connection.execute(STEP.encode(), terms)
    with connection.cursor().copy("COPY plan (n, match_key) FROM STDIN") as copy:
        for n in range(size.operations):
            copy.write_row((n, match_key(_SLUGS[n // 3 % 4], round_id_of(n))))
    connection.execute("ANALYZE plan")


@contextmanager
def _bare_tables(connection: "psycopg.Connection[Any]") -> Iterator[None]:
    """Drop the indexes of the largest tables, and build them again at the end."""
    large = ["operations", "entries", "rounds", "feed_records", "feed_versions"]
    query = """
SELECT c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid)
  FROM pg_constraint c
 WHERE c.conrelid = ANY(%s::text[]::regclass[]) AND c.contype IN ('p', 'u')
 ORDER BY c.oid
"""
    constraints = connection.execute(query, [large]).fetchall()
    query = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
 WHERE i.indrelid = ANY(%s::text[]::regclass[])
   AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""
    indexes = connection.execute(query, [large]).fetchall()
    for table, name, _ in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    yield
    for table, name, definition in constraints:
        print(f"  {SystemClock().now():%H:%M:%S} {name}", flush=True)
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}".encode())
    for name, definition in indexes:
        print(f"  {SystemClock().now():%H:%M:%S} {name}", flush=True)
        connection.execute(definition.encode())


def _real_run(engine: Engine, at: datetime) -> str:
    """A run of one day, as every other day has one; its id."""
    request = RunRequest(
        provider=_SLUGS[0],
        window=day_window(at.date(), ZoneInfo(ZONES[_SLUGS[0]])),
        maturity=timedelta(minutes=15),
    )
    return reconcile(url_of(engine), request, clock=SystemClock()).run_id


def _sign_days(
    engine: Engine, connection: "psycopg.Connection[Any]", start: datetime, days: int
) -> None:
    """Prepare and sign every day but the last five, with the figures of that day."""
    insert = """
INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes, at, reason,
                       two_people, close_no, run_id, figures)
SELECT provider, business_day, number, action, by_name, ARRAY['person:' || by_name],
       closed_at + number * interval '1 hour', '', true, close_no, run_id, %s::jsonb
  FROM day_closes, (VALUES (1, 'prepared', 'maria'), (2, 'signed', 'paul'))
                     AS s (number, action, by_name)
 WHERE provider = %s AND business_day = %s
"""
    first = start.date() + timedelta(days=1)
    with engine.connect() as reader:
        for back in range(max(days - 6, 1)):
            day = first + timedelta(days=back)
            for slug, zone in ZONES.items():
                window = day_window(day, ZoneInfo(zone))
                figures = figures_of(reader, slug, window, {})
                connection.execute(insert, [json.dumps(figures.to_json()), slug, day])
