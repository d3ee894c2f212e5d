"""An ordinary morning over large books, and statistics that do not know of yesterday.

The books are those of ``benchmarks.console``. The aggregator's history has ids of its own, so
that its rounds are matched by what they have in common.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Engine

from benchmarks.console.books import ZONES, BookSize, build
from breaks.lists.queries import BreakFilter, count_breaks, list_breaks
from feeds.records import store_statement
from ledger.checks.run import verify
from ledger.queries.daily_figures import daily_figures
from reconcile.days.sums import figures_of
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reconcile.snapshot.rules import BY_ROUND_ID, Rules
from reconcile.totals.tie_out import totals
from reports.load import load_pack
from storage.engine import url_of
from vocabulary.clock import SystemClock
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money
from vocabulary.window import Window, day_window

NAMED, UNNAMED = "xigs", "aggregator"
_OWN_IDS = """
UPDATE feed_records
   SET record_id = 'x' || md5(record_id), round_id = 'x' || md5(record_id),
       match_key = hashtextextended('x' || md5(record_id), 0)
 WHERE provider = 'aggregator'
"""
#: By table, the column that says when a row came.
_INSTANTS = {
    "rounds": "first_at",
    "operations": "received_at",
    "entries": "posted_at",
    "batches": "committed_at",
    "feed_records": "created_at",
    "feed_versions": "received_at",
    "deliveries": "received_at",
    "breaks": "first_seen",
    "runs": "finished_at",
}
_STORED_COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
 WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
_NEVER_ANALYZED = """
DELETE FROM pg_statistic;
UPDATE pg_class SET reltuples = -1, relpages = 0, relallvisible = 0
 WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace
"""


def build_books(engine: Engine, rounds: int) -> None:
    """Fill a migrated database with four days of four providers, and collect statistics."""
    build(engine, BookSize(operations=rounds, records=rounds, breaks=rounds // 40, days=4))
    with psycopg.connect(url_of(engine), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_OWN_IDS)
        connection.execute("VACUUM ANALYZE")


def drop_statistics(url: str) -> None:
    """Leave what a restored database has: no statistics at all."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_NEVER_ANALYZED)


def age_statistics(url: str) -> None:
    """Leave statistics that were collected before yesterday began."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        newest = {
            table: _taken_out(connection, table, column) for table, column in _INSTANTS.items()
        }
        connection.execute("VACUUM ANALYZE")
        for table, columns in newest.items():
            statement = (
                f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"
                f" SELECT {columns} FROM newest_{table}"
            )
            connection.execute(statement.encode())


def _taken_out(
    connection: "psycopg.Connection[tuple[str, ...]]", table: str, column: str
) -> str:
    """Move the rows since yesterday into a temporary table; returns their stored columns."""
    since = f"{column} >= date_trunc('day', now(), 'UTC') - interval '1 day'"
    statement = f"CREATE TEMP TABLE newest_{table} AS SELECT * FROM {table} WHERE {since}"
    connection.execute(statement.encode())
    connection.execute(f"DELETE FROM {table} WHERE {since}".encode())
    row = connection.execute(_STORED_COLUMNS.encode(), [table]).fetchone()
    assert row is not None
    return row[0]


@dataclass(frozen=True, slots=True)
class Morning:
    """The steps of a morning over one database."""

    engine: Engine

    @property
    def steps(self) -> Mapping[str, Callable[[], object]]:
        """What is done, in order."""
        return {
            "import": self._import,
            "reconcile named": lambda: self._reconcile(NAMED, BY_ROUND_ID),
            "reconcile unnamed": lambda: self._reconcile(UNNAMED, Rules(attributes=True)),
            "verify": lambda: list(verify(self.engine)),
            "totals": self._totals,
            "report": self._report,
            "day figures": self._day_figures,
            "daily figures": self._daily_figures,
            "breaks list": self._breaks,
        }

    def _import(self) -> None:
        start = _window(NAMED).start
        lines = (
            HistoryRecord(
                record_id=f"line-{n}",
                round_id=f"line-{n}",
                handle=f"xi-{n:07}",
                currency="USD",
                stake=Money(100, "USD"),
                payout=Money(n % 7, "USD"),
                rolled_back=False,
                declared_net=None,
                balance_before=None,
                balance_after=None,
                game="plinko",
                created_at=start + n * timedelta(seconds=1),
                updated_at=start + n * timedelta(seconds=1),
                raw=b"%d" % n,
            )
            for n in range(500)
        )
        with self.engine.begin() as connection:
            store_statement(
                connection, NAMED, lines, source="late.csv", received_at=SystemClock().now()
            )

    def _reconcile(self, provider: str, rules: Rules) -> None:
        reconcile(url_of(self.engine), _request(provider, rules), clock=SystemClock())

    def _totals(self) -> None:
        now = SystemClock().now()
        tied = totals(url_of(self.engine), _request(NAMED), now=now, zone=ZONES[NAMED])
        assert tied.ties

    def _report(self) -> None:
        with self.engine.connect() as connection:
            load_pack(
                connection,
                NAMED,
                window=_window(NAMED),
                generated_at=SystemClock().now(),
                exponents={},
                zone=ZONES[NAMED],
            )

    def _day_figures(self) -> None:
        with self.engine.connect() as connection:
            for slug in ZONES:
                figures_of(connection, slug, _window(slug), {})

    def _daily_figures(self) -> None:
        with self.engine.connect() as connection:
            daily_figures(connection, _yesterday(), _yesterday(), ZoneInfo("UTC"))

    def _breaks(self) -> None:
        of_yesterday = BreakFilter(windows={slug: _window(slug) for slug in ZONES})
        list_breaks(self.engine, of_yesterday, limit=100)
        count_breaks(self.engine, of_yesterday)


def _yesterday() -> date:
    return SystemClock().now().astimezone(UTC).date() - timedelta(days=1)


def _window(provider: str) -> Window:
    return day_window(_yesterday(), ZoneInfo(ZONES[provider]))


def _request(provider: str, rules: Rules = BY_ROUND_ID) -> RunRequest:
    return RunRequest(
        provider=provider,
        window=_window(provider),
        maturity=timedelta(minutes=15),
        rules=rules,
    )
