"""The narrow table that lists read holds what both tables of breaks do, whoever writes them."""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from breaks.actions import apply, explaining
from breaks.kinds import BreakKind, Impact
from breaks.lists.paging import BreakOrder, page_of_breaks
from breaks.lists.queries import BreakFilter, count_breaks, list_breaks, lock_ids
from breaks.policy import OverdueLimit
from breaks.states import SETTLED, BreakState
from breaks.store import lock_break
from storage.engine import open_engine
from storage.rights import APPLICATION_ROLE, CONSOLE_ROLE
from storage.roles import url_as
from tests.conftest import PostgresServer
from tests.harness.books.differences.break_commands import BreakCommands
from tests.harness.books.differences.breaks import EVENING, HOUR
from tests.harness.books.lock_waits import until_somebody_waits
from vocabulary.window import Window

NOW = datetime(2026, 6, 4, 12, tzinfo=UTC)
_RUN = f"""
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
SELECT 'run-' || n, 'p1', '{NOW}', '{NOW}', '{NOW}', '{NOW}', '{{}}', '{{}}', true
  FROM generate_series(0, 2) n
"""
_STORE = """
INSERT INTO breaks (break_id, run_id, provider, kind, impact, player, currency, round_id,
                    match_key, difference, explanation, first_seen, last_seen, cleared_at,
                    began_at, alias)
SELECT 'brk-' || to_char(n, 'FM0000'), 'run-' || n %% 3, 'p' || n %% 3,
       (ARRAY['payout_mismatch', 'missing_in_ledger', 'negative_balance'])[1 + n %% 3],
       (ARRAY['player_owed', 'operator_owed', 'none'])[1 + n %% 3],
       CASE WHEN n %% 7 > 0 THEN 'player' || n %% 5 END, (ARRAY['EUR', 'USD'])[1 + n %% 2],
       'Round-' || n %% 40, 0, n %% 13 - 6, 'Explained by ' || n, seen, seen,
       CASE WHEN n %% 4 = 0 THEN seen END, CASE WHEN n %% 9 > 0 THEN seen END,
       CASE WHEN n %% 5 = 0 THEN 'alias-' || n %% 40 ELSE '' END
  FROM generate_series({start}::bigint, {start}::bigint + {many}::bigint - 1) n,
       LATERAL (SELECT '2026-06-04 12:00Z'::timestamptz - n * interval '1 hour' AS seen)
"""
_SOME = "abs(hashtext(b.break_id)) %% 3 = %(n)s::bigint %% 3"
#: What runs and people do to some of the breaks, by a number.
STEPS = (
    _STORE.format(start="1000 + %(n)s * 10", many=5) + " ON CONFLICT (break_id) DO NOTHING",
    # A run finds them again as they were, or otherwise.
    f"UPDATE breaks b SET run_id = 'run-2', last_seen = now(), cleared_at = NULL WHERE {_SOME}",
    (
        "UPDATE breaks b SET last_seen = now(), difference = difference + %(n)s,"
        " player = 'ann', impact = 'none', explanation = 'Now ' || %(n)s,"
        " alias = 'alias-' || %(n)s,"
        f" began_at = began_at + interval '1 day' WHERE {_SOME}"
    ),
    f"UPDATE breaks b SET cleared_at = '{NOW}' WHERE {_SOME}",
    # A person moves them.
    (
        "UPDATE break_workflows b SET state = 'assigned', assignee = 'maria', settled = NULL"
        f" WHERE {_SOME} AND state IN ('open', 'explained')"
    ),
    (
        "UPDATE break_workflows b SET state = 'explained', settled = %(n)s"
        f" WHERE {_SOME} AND state IN ('open', 'assigned')"
    ),
    (
        "UPDATE break_workflows b SET state = 'open', assignee = NULL, settled = NULL,"
        f" opened_at = '{NOW}', reopened = reopened + 1"
        f" WHERE {_SOME} AND state IN ('closed', 'explained')"
    ),
    f"UPDATE break_workflows b SET answer = 'unknown' WHERE {_SOME}",
)
_COLUMNS = (
    "opened_at, difference, began_at, cleared_at, state, provider, kind, impact, currency,"
    " assignee, player, round_id, alias, games, break_id, words"
)
_JOINED = "breaks b JOIN break_workflows l USING (break_id)"
_RECORD = b"""
INSERT INTO feed_records
       (provider, record_id, occurrence, round_id, match_key, handle, currency, stake, payout,
        rolled_back, created_at, updated_at, received_at, source, continues, game)
SELECT 'p1', 'r' || game, 1, 'r', 0, 'ann', 'EUR', 1, 1, false, now(), now(), now(), 'push',
       false, game FROM unnest(ARRAY['plinko', 'dice']) AS game
"""


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> Iterator[str]:
    """Some hundred breaks of three providers in several states."""
    postgres.clone("listed_breaks")
    url = postgres.url("listed_breaks")
    with psycopg.connect(url) as connection:
        connection.execute(_RECORD)
        connection.execute(_RUN.encode())
        connection.execute(_STORE.format(start=1, many=120).encode(), {})
        for n, step in enumerate((STEPS[5], STEPS[4])):
            connection.execute(step.encode(), {"n": n})
    yield url
    postgres.drop("listed_breaks")


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


def differences(connection: "psycopg.Connection[Any]") -> list[tuple[object, ...]]:
    """Rows that only the narrow table has, and rows that only the join has."""
    query = f"""
(SELECT {_COLUMNS} FROM listed_breaks EXCEPT ALL SELECT {_COLUMNS} FROM {_JOINED})
 UNION ALL
(SELECT {_COLUMNS} FROM {_JOINED} EXCEPT ALL SELECT {_COLUMNS} FROM listed_breaks)
"""
    return connection.execute(query.encode()).fetchall()


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 30)), max_size=6))
def test_the_list_equals_both_tables_after_any_steps(
    url: str, steps: list[tuple[str, int]]
) -> None:
    with psycopg.connect(url) as connection:
        for step, n in steps:
            connection.execute(step.encode(), {"n": n})
            assert differences(connection) == []
        connection.rollback()


def test_a_run_that_finds_the_same_breaks_writes_no_list(url: str) -> None:
    def written() -> set[object]:
        return set(connection.execute("SELECT ctid::text, xmin::text FROM listed_breaks"))

    with psycopg.connect(url) as connection:
        before = written()
        connection.execute(
            "UPDATE breaks SET run_id = 'run-1', last_seen = now(), evidence = '{\"a\": 1}'"
        )
        after = written()
        connection.rollback()

    assert before == after


_WINDOW = Window(start=NOW - timedelta(days=3), end=NOW - timedelta(days=1))
_LIMITS = (
    OverdueLimit(impact=Impact.PLAYER_OWED, opened_before=NOW - timedelta(days=2)),
    OverdueLimit(
        impact=Impact.OPERATOR_OWED,
        opened_before=NOW - timedelta(days=1),
        currency="USD",
        least=3,
    ),
)


def _or_none(*values: object) -> st.SearchStrategy[Any]:
    """Mostly nothing, so that a filter of many fields selects something."""
    return st.sampled_from((*[None] * (2 * len(values)), *values))


FILTERS = st.builds(
    BreakFilter,
    provider=_or_none("p1", "p7"),
    kind=_or_none(BreakKind.PAYOUT, BreakKind.MISSING_IN_LEDGER),
    impact=_or_none(*Impact),
    states=st.sampled_from(
        [(), (), (BreakState.OPEN, BreakState.EXPLAINED), (BreakState.CLOSED, BreakState.OPEN)]
    ),
    include_closed=st.booleans(),
    assignee=_or_none("maria"),
    currency=_or_none("EUR"),
    ids=_or_none(("brk-0007", "brk-0008", "brk-0009"), ()),
    min_difference=_or_none(0, 3),
    max_difference=_or_none(0, 3),
    opened_before=_or_none(NOW - timedelta(days=1)),
    opened_after=_or_none(NOW - timedelta(days=2)),
    in_figures=_or_none(frozenset({BreakKind.PAYOUT, BreakKind.NEGATIVE_BALANCE})),
    run_id=_or_none("run-1", "run-9"),
    round_id=_or_none("Round-7", "alias-5"),
    player=_or_none("player1"),
    windows=_or_none({"p1": _WINDOW, "": _WINDOW}),
    game=_or_none("plinko", "chess"),
    overdue=_or_none(_LIMITS, ()),
    words=_or_none("ROUND-1", "explained", "nothing like it"),
)


@settings(max_examples=150)
@given(FILTERS, st.sampled_from(BreakOrder))
def test_each_filter_selects_what_the_rows_of_both_tables_say(
    engine: Engine, break_filter: BreakFilter, order: BreakOrder
) -> None:
    with engine.begin() as connection:
        rows = connection.execute(text(f"SELECT *, b.words, b.games FROM {_JOINED}"))
        expected = [dict(row) for row in rows.mappings() if _fits(dict(row), break_filter)]
        locked = lock_ids(connection, break_filter)
        walked = list(_walk(connection, break_filter, order))

    by_age = sorted((row["opened_at"], row["break_id"]) for row in expected)
    assert [b.break_id for b in list_breaks(engine, break_filter)] == [id_ for _, id_ in by_age]
    assert count_breaks(engine, break_filter) == len(expected)
    assert locked == sorted(row["break_id"] for row in expected)
    ranked = sorted(
        (-abs(row["difference"]) if order is BreakOrder.MONEY else 0, *key)
        for row in expected
        for key in [(row["opened_at"], row["break_id"])]
    )
    assert walked == [break_id for *_, break_id in ranked]


def _walk(
    connection: Connection, break_filter: BreakFilter, order: BreakOrder
) -> Iterator[str]:
    """The ids of all pages."""
    cursor, total, is_first = None, 0, True
    while is_first or cursor is not None:
        page = page_of_breaks(connection, break_filter, order=order, after=cursor, limit=30)
        yield from (break_.break_id for break_ in page.breaks)
        assert is_first or page.total == total
        cursor, total, is_first = page.next, page.total, False


def _fits(row: Mapping[str, Any], wanted: BreakFilter) -> bool:
    """Whether a filter selects a break, by its meaning."""
    return _fits_values(row, wanted) and _fits_times(row, wanted) and _fits_state(row, wanted)


def _fits_values(row: Mapping[str, Any], wanted: BreakFilter) -> bool:
    amount = abs(row["difference"])
    names = ("provider", "kind", "impact", "assignee", "currency", "run_id", "player")
    return (
        all(getattr(wanted, name) in {None, row[name]} for name in names)
        and (wanted.ids is None or row["break_id"] in wanted.ids)
        and (wanted.min_difference is None or amount >= wanted.min_difference)
        and (wanted.max_difference is None or amount <= wanted.max_difference)
        and wanted.round_id in {None, row["round_id"], row["alias"]}
        and (wanted.game is None or wanted.game in row["games"])
        and (wanted.words is None or wanted.words.lower() in row["words"])
    )


def _fits_times(row: Mapping[str, Any], wanted: BreakFilter) -> bool:
    opened, began = row["opened_at"], row["began_at"]
    window = None if wanted.windows is None else wanted.windows.get(row["provider"], _WINDOW)
    return (
        (wanted.opened_before is None or opened < wanted.opened_before)
        and (wanted.opened_after is None or opened >= wanted.opened_after)
        and (window is None or (began is not None and window.start <= began < window.end))
    )


def _fits_state(row: Mapping[str, Any], wanted: BreakFilter) -> bool:
    if wanted.in_figures is not None and (
        row["cleared_at"] is not None or row["kind"] not in wanted.in_figures
    ):
        return False
    if wanted.overdue is not None and not any(_is_past(row, each) for each in wanted.overdue):
        return False
    if wanted.states:
        return row["state"] in wanted.states
    return wanted.include_closed or wanted.in_figures is not None or row["state"] != "closed"


def _is_past(row: Mapping[str, Any], limit: OverdueLimit) -> bool:
    return (
        row["state"] not in SETTLED
        and row["impact"] == limit.impact
        and row["opened_at"] < limit.opened_before
        and limit.currency in {None, row["currency"]}
        and abs(row["difference"]) >= (limit.least or 0)
    )


def test_a_break_that_moves_while_it_waits_to_be_locked_is_left_alone(engine: Engine) -> None:
    open_ones = BreakFilter(states=(BreakState.OPEN,), provider="p1")
    locked: list[str] = []

    def lock() -> None:
        with engine.begin() as connection:
            locked.extend(lock_ids(connection, open_ones))

    with engine.connect() as connection:
        moved, *others = lock_ids(connection, open_ones)
        connection.execute(
            text(
                "UPDATE break_workflows SET state = 'explained', settled = 0"
                " WHERE break_id = :id"
            ),
            {"id": moved},
        )
        waiting = threading.Thread(target=lock)
        waiting.start()
        until_somebody_waits(engine)
        connection.commit()
        waiting.join(timeout=60)

    assert locked == others


def test_a_run_waits_for_a_person_who_moves_a_break_that_it_changes(
    daily: BreakCommands,
) -> None:
    """Each writes the break's row of the list: in another order both would wait for ever."""
    books, of_round = daily.books, BreakFilter(round_id="r1")
    (break_,) = list_breaks(books.engine, of_round)
    apply(books.engine, break_.break_id, explaining(by="jonas", why="known", now=EVENING))
    books.change_record("r1", payout="300")
    run = threading.Thread(target=books.run, kwargs={"at": EVENING + HOUR})
    with books.engine.begin() as connection:
        lock_break(connection, break_.break_id)
        run.start()
        until_somebody_waits(books.engine)
        connection.execute(
            text("UPDATE break_workflows SET assignee = 'maria' WHERE break_id = :id"),
            {"id": break_.break_id},
        )
    run.join(timeout=60)

    (changed,) = list_breaks(books.engine, of_round)
    assert (break_.difference, changed.difference) == (250, 300)
    assert changed.state is BreakState.OPEN
    with psycopg.connect(books.url) as connection:
        assert differences(connection) == []


def test_whoever_writes_a_break_needs_no_right_to_the_list(daily: BreakCommands) -> None:
    url = daily.books.url
    with psycopg.connect(url_as(url, CONSOLE_ROLE, login=True)) as console:
        console.execute("UPDATE break_workflows SET assignee = 'maria'")
    with psycopg.connect(url_as(url, APPLICATION_ROLE, login=True)) as application:
        application.execute("UPDATE breaks SET difference = difference + 1, cleared_at = now()")

    with psycopg.connect(url) as connection:
        assert differences(connection) == []
        listed = connection.execute("SELECT DISTINCT assignee FROM listed_breaks").fetchall()
    assert listed == [("maria",)]
