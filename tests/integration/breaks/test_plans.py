"""Filters of breaks and notifications read indexes where most breaks are closed long ago."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event

from breaks.kinds import BreakKind, Impact
from breaks.lists.paging import BreakOrder, page_of_breaks
from breaks.lists.queries import BreakFilter, count_breaks, list_breaks, lock_ids
from breaks.policy import DEFAULT_RULES, overdue_limits
from breaks.states import BreakState
from reports.notifications.event import Circumstances
from reports.notifications.events import new_events
from reports.notifications.rules import ChatHook, EventKind, NotifyRule
from storage.engine import open_engine
from tests.conftest import PostgresServer
from vocabulary.secrets import Secret
from vocabulary.window import Window

NOW = datetime(2026, 6, 4, 12, tzinfo=UTC)
CLOSED, OPEN = 20_000, 400
_FILL = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
VALUES ('run-1', 'p', '{now}', '{now}', '{now}', '{now}', '{{}}', '{{}}', true);
INSERT INTO breaks (break_id, run_id, provider, kind, impact, player, currency, round_id,
                    match_key, difference, explanation, first_seen, last_seen, cleared_at,
                    began_at, alias)
SELECT 'brk-' || n, 'run-1', 'p' || n % 4, 'payout_mismatch', 'player_owed',
       'player' || n % 500, 'USD', 'round-' || n, n, n % 900 + 1, 'e', seen, seen,
       CASE WHEN n > {open} THEN seen END, seen,
       CASE WHEN n % 9 = 0 THEN 'alias-' || n ELSE '' END
  FROM generate_series(1, {all}) n,
       LATERAL (SELECT '{now}'::timestamptz - n * interval '5 minutes' AS seen);
ANALYZE breaks, break_workflows, listed_breaks, feed_records, notification_events
"""
DAY = Window(start=NOW - timedelta(days=1), end=NOW)
FILTERS = {
    "nothing": BreakFilter(),
    "provider": BreakFilter(provider="p1"),
    "kind": BreakFilter(kind=BreakKind.PAYOUT),
    "impact": BreakFilter(impact=Impact.PLAYER_OWED),
    "state": BreakFilter(states=(BreakState.OPEN, BreakState.WAITING)),
    "assignee": BreakFilter(assignee="maria"),
    "amount": BreakFilter(currency="USD", min_difference=890),
    "age": BreakFilter(opened_before=NOW - timedelta(days=1)),
    "round": BreakFilter(round_id="round-77"),
    "closed round": BreakFilter(round_id="alias-9000", include_closed=True),
    "player": BreakFilter(player="player7"),
    "closed player": BreakFilter(player="player7", include_closed=True),
    "day": BreakFilter(windows={"p1": DAY, "p2": DAY, "": DAY}),
    "closed day": BreakFilter(
        windows={"p1": DAY, "": DAY}, include_closed=True, states=(BreakState.CLOSED,)
    ),
    "game": BreakFilter(game="plinko"),
    "ids": BreakFilter(ids=("brk-7", "brk-9000"), include_closed=True),
    "largest amount": BreakFilter(currency="USD", max_difference=10),
    "overdue": BreakFilter(overdue=overdue_limits(DEFAULT_RULES, NOW)),
    "names a person": BreakFilter(mentioned=1, include_closed=True),
}


@pytest.fixture(scope="module")
def engine(postgres: PostgresServer) -> Iterator[Engine]:
    """Many closed breaks and a few open ones, one every five minutes."""
    postgres.clone("many_breaks")
    url = postgres.url("many_breaks")
    with psycopg.connect(url) as connection:
        fill = _FILL.format(now=NOW.isoformat(), open=OPEN, all=CLOSED + OPEN)
        connection.execute(fill.encode())
    engine = open_engine(url)
    yield engine
    engine.dispose()
    postgres.drop("many_breaks")


@pytest.mark.parametrize("name", FILTERS)
def test_no_filter_reads_a_whole_table(engine: Engine, name: str) -> None:
    break_filter = FILTERS[name]
    with recorded(engine) as statements:
        list_breaks(engine, break_filter, limit=100)
        count_breaks(engine, break_filter)
        with engine.begin() as connection:
            lock_ids(connection, break_filter)

    assert len(statements) == 3
    assert scanned(engine, statements) == []


@pytest.mark.parametrize(
    ("order", "index"),
    [
        (BreakOrder.MONEY, "listed_breaks_by_money"),
        (BreakOrder.AGE, "listed_breaks_by_age"),
    ],
)
def test_a_page_reads_breaks_in_the_order_of_an_index(
    engine: Engine, order: BreakOrder, index: str
) -> None:
    everything = BreakFilter(include_closed=True)
    with engine.connect() as connection:
        first = page_of_breaks(connection, everything, order=order, after=None, limit=50)
        with recorded(engine) as statements:
            page_of_breaks(connection, everything, order=order, after=first.next, limit=50)

    _count, page = plans(engine, statements)
    assert index in str(page)
    assert list(_scans(page)) == []


def test_breaks_are_counted_where_they_are_listed(engine: Engine) -> None:
    filters = [
        BreakFilter(assignee="maria"),
        BreakFilter(player="player7"),
    ]
    with recorded(engine) as statements:
        for break_filter in filters:
            count_breaks(engine, break_filter)

    assert [" JOIN " in statement for statement, _ in statements] == [False, False]


def test_notifications_of_due_breaks_read_only_what_is_due(engine: Engine) -> None:
    """A break every five minutes, due after a day: of 400 open ones 112 are older."""
    hook = ChatHook(url=Secret(reference="env:CHAT", value=b"http://localhost"))
    rule = NotifyRule(name="r", when=frozenset({EventKind.OVERDUE}), channel=hook)
    circumstances = Circumstances(now=NOW, sla=DEFAULT_RULES, stale_after={}, exponents={})
    with recorded(engine) as statements, engine.connect() as connection:
        events = new_events(connection, rule, circumstances)

    assert len(events) == OPEN - 24 * 12 + 1
    assert scanned(engine, statements) == []
    assert "break_workflows_by_opening" in str(plans(engine, statements))


@contextmanager
def recorded(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """The queries that an engine runs meanwhile, with their parameters."""
    statements: list[tuple[str, Any]] = []

    def keep(_c: object, _k: object, statement: str, params: Any, *_: object) -> None:
        statements.append((statement, params))

    event.listen(engine, "before_cursor_execute", keep)
    yield statements
    event.remove(engine, "before_cursor_execute", keep)


def plans(engine: Engine, statements: list[tuple[str, Any]]) -> list[Mapping[str, Any]]:
    with engine.connect() as connection:
        return [_plan(connection, statement, params) for statement, params in statements]


def scanned(engine: Engine, statements: list[tuple[str, Any]]) -> list[str]:
    """The tables of breaks that the queries read as a whole."""
    return [table for plan in plans(engine, statements) for table in _scans(plan)]


def _plan(connection: Connection, statement: str, params: Any) -> Mapping[str, Any]:
    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", params)
    return dict(explained.scalar_one()[0]["Plan"])


def _scans(plan: Mapping[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in {
        *("breaks", "break_workflows", "listed_breaks")
    }:
        yield plan["Relation Name"]
    for child in plan.get("Plans", ()):
        yield from _scans(child)
