"""What is posted after its month stays: from the cut on, books read as if no row had left."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.errors import RestrictViolation
from sqlalchemy import Connection, Engine

from ledger.queries.account_movements import account_movements
from ledger.queries.balances import trial_balance
from ledger.queries.checkpoints import (
    BalanceClock,
    balance_at,
    prove_checkpoints,
    take_checkpoint,
)
from ledger.queries.daily_figures import daily_figures
from ledger.queries.provider_days import provider_days
from reports.statement.bridge import bridges, reported_ggr
from storage.archive.row_cut import RowsAreAway
from storage.engine import open_engine, url_of
from tests.conftest import PostgresServer
from tests.harness.books.archives.leaving_months import let_rows_of_month_go, months_twice
from tests.harness.books.archives.random_months import PLAYERS
from tests.harness.books.ledger import SLUG
from tests.harness.tampering.replay import tamper
from vocabulary.window import Window, parse_window

#: Each with its first day that has callbacks; the rows of January leave.
MONTHS = (date(2021, 1, 30), date(2021, 2, 1))
CUT = datetime(2021, 2, 1, tzinfo=UTC)
END = datetime(2021, 3, 1, tzinfo=UTC)
#: January's last batch is posted two seconds after the cut.
POSTED = CUT + timedelta(seconds=2)
TICK = timedelta(microseconds=1)
JANUARY = parse_window("2021-01-01", "2021-02-01", zone="UTC")
FEBRUARY = Window(start=CUT, end=END)
CLOCKS: tuple[BalanceClock, ...] = ("received", "posted")
LATE_ROUNDS = f"""
SELECT DISTINCT o.round_id FROM operations o JOIN batches b USING (batch_id)
 WHERE b.committed_at < '{CUT}' AND b.posted_at >= '{CUT}' AND o.provider = '{SLUG}'
 ORDER BY 1
"""
WHOLE_ROUNDS = f"""
SELECT o.wallet_id, o.wallet_seq, o.round_id FROM operations o JOIN batches b USING (batch_id)
 WHERE o.round_id IN ({LATE_ROUNDS.replace("ORDER BY 1", "")}) AND o.provider = '{SLUG}'
   AND b.committed_at < '{CUT}' ORDER BY 1, 2
"""
STAYED = f"""
SELECT o.wallet_id, o.wallet_seq, o.round_id FROM operations o JOIN batches b USING (batch_id)
 WHERE b.committed_at < '{CUT}' AND o.provider = '{SLUG}' ORDER BY 1, 2
"""
LATE_STAKE = f"""
SELECT sum(o.stake)::bigint FROM operations o JOIN batches b USING (batch_id)
 WHERE b.committed_at < '{CUT}' AND b.posted_at >= '{CUT}' AND o.provider = '{SLUG}'
   AND o.decision = 'accepted' AND o.kind <> 'rollback'
"""
#: February's first batch is posted before January's last: two workers post.
OVERTAKEN = (
    f"UPDATE operations SET received_at = '{CUT}' WHERE batch_id = {{batch}}",
    f"""
UPDATE rounds r SET first_at = '{CUT}', last_at = o.last_at
  FROM (SELECT match_key, wallet_id, max(received_at) AS last_at FROM operations
         WHERE decision = 'accepted' GROUP BY match_key, wallet_id) o
 WHERE r.match_key = o.match_key AND r.wallet_id = o.wallet_id
   AND r.match_key IN (SELECT match_key FROM operations WHERE batch_id = {{batch}})
""",
    f"""
UPDATE batches SET committed_at = '{CUT}', posted_at = '{POSTED - 2 * TICK}',
                   entries_at = '{POSTED - 2 * TICK}' WHERE batch_id = {{batch}}
""",
)
#: What is posted after the cut is staged as if it had been posted before.
STAGE_ALL = (
    "SET session_replication_role = replica",
    "CREATE TEMP TABLE posted AS SELECT batch_id, posted_at, entries_at FROM batches",
    "UPDATE batches SET posted_at = committed_at, entries_at = committed_at",
    f"SELECT stage_leaving_rows('{CUT}')",
    f"SELECT merge_archived_keys({-(2**63)})",
    (
        "UPDATE batches b SET posted_at = p.posted_at, entries_at = p.entries_at"
        " FROM posted p WHERE p.batch_id = b.batch_id"
    ),
    "SET session_replication_role = origin",
)


@pytest.fixture(scope="module")
def pair(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Engine]]:
    """Books with all of January's rows, and books that have what stayed of them."""
    place = str(tmp_path_factory.mktemp("late"))
    months = months_twice(postgres, "late_postings", MONTHS, place, seed=5)
    engines = (open_engine(months.whole), open_engine(months.gone))
    for engine in engines:
        [[batch]] = rows(
            engine, f"SELECT min(batch_id) FROM batches WHERE committed_at >= '{CUT}'"
        )
        for statement in OVERTAKEN:
            tamper(url_of(engine), statement.format(batch=batch))
    assert let_rows_of_month_go(engines[1], JANUARY.start.date()).rounds > 0
    yield engines
    for engine in engines:
        engine.dispose()
    postgres.drop("late_postings_gone")
    postgres.drop("late_postings")


def read(engine: Engine, query: Callable[[Connection], Any]) -> Any:
    with engine.connect() as connection:
        return query(connection)


def rows(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url_of(engine)) as connection:
        return connection.execute(sql.encode()).fetchall()


def movements(engine: Engine, window: Window, since: datetime | None = None) -> Any:
    moved = read(engine, lambda c: account_movements(c, SLUG, window, "UTC", since=since))
    return {day: sorted(map(repr, lines)) for day, lines in moved.items()}


def bridges_of(engine: Engine, window: Window) -> Any:
    def query(connection: Connection) -> Any:
        return bridges(connection, SLUG, window, reported_ggr(connection, SLUG, window))

    return read(engine, query)


def test_rounds_of_which_something_was_posted_after_the_cut_stay_whole(
    pair: tuple[Engine, Engine],
) -> None:
    whole, gone = pair
    assert len(rows(whole, LATE_ROUNDS)) > 4
    assert rows(gone, STAYED) == rows(whole, WHOLE_ROUNDS)
    earlier = [name for (name,) in rows(gone, LATE_ROUNDS) if not name.startswith("r0-5-")]
    assert earlier, "none of them began in an earlier batch"


@pytest.mark.parametrize("first", [CUT, POSTED, CUT + timedelta(days=1)])
def test_statements_balances_and_journals_are_whole_from_the_cut_on(
    pair: tuple[Engine, Engine], first: datetime
) -> None:
    window, day = Window(start=first, end=END), first.date()
    queries: tuple[Callable[[Engine], Any], ...] = (
        trial_balance,
        lambda e: bridges_of(e, window),
        lambda e: read(e, lambda c: daily_figures(c, day, END.date(), ZoneInfo("UTC"))),
        lambda e: movements(e, window),
        # what is due of a day that was signed and booked before the cut's last posting
        lambda e: movements(e, JANUARY, since=first - TICK),
        *(
            lambda e, by=by: provider_days(
                e, provider=SLUG, first=day, last=None, zone="UTC", by=by
            )
            for by in CLOCKS
        ),
        *(
            lambda e, by=by, player=player: balance_at(
                e, player=player, currency="EUR", at=first, by=by
            )
            for by in CLOCKS
            for player in PLAYERS
        ),
    )
    for number, query in enumerate(queries):
        assert query(pair[0]) == query(pair[1]), number


def test_what_was_posted_after_the_cut_counts_on_the_day_of_its_posting(
    pair: tuple[Engine, Engine],
) -> None:
    day = CUT.date()
    stakes = {
        by: provider_days(pair[1], provider=SLUG, first=day, last=day, zone="UTC", by=by)[
            0
        ].stake
        for by in CLOCKS
    }
    assert rows(pair[1], LATE_STAKE) == [(stakes["posted"] - stakes["received"],)]
    assert stakes["posted"] > stakes["received"]


def test_a_checkpoint_has_nothing_that_was_posted_after_its_instant(
    pair: tuple[Engine, Engine],
) -> None:
    later = END + timedelta(days=1)
    for at in (CUT, POSTED - TICK, later):
        for engine in pair:
            take_checkpoint(engine, at=at)
    for engine in pair:
        assert prove_checkpoints(engine).wrong == 0
    for at in (CUT, POSTED - TICK, POSTED, CUT + timedelta(days=9), later):
        for player in PLAYERS:
            balances = [
                balance_at(engine, player=player, currency="EUR", at=at, by="posted")
                for engine in pair
            ]
            assert balances[0] is not None
            assert balances[1] is not None
            assert balances[0].balance == balances[1].balance, (at, player)


def test_a_reading_from_before_the_cut_is_refused(pair: tuple[Engine, Engine]) -> None:
    with pytest.raises(RowsAreAway, match="Begin at 2021-02-01T00:00:00"):
        bridges_of(pair[1], Window(start=CUT - TICK, end=END))


def test_the_database_refuses_to_let_go_what_was_posted_after_the_cut(
    pair: tuple[Engine, Engine],
) -> None:
    with psycopg.connect(url_of(pair[1])) as connection:
        for statement in STAGE_ALL:
            connection.execute(statement.encode())
        with pytest.raises(RestrictViolation, match="append-only: DELETE of operation"):
            connection.execute(f"SELECT let_go_of_rows(0, '{CUT}')".encode())
        connection.rollback()


def test_what_stayed_leaves_with_the_next_month(
    postgres: PostgresServer, pair: tuple[Engine, Engine]
) -> None:
    pair[1].dispose()  # a template has no connections
    copy = postgres.clone("late_postings_next", "late_postings_gone")
    engine = open_engine(copy)
    late = rows(engine, LATE_ROUNDS)
    let_rows_of_month_go(engine, CUT.date())
    assert not set(rows(engine, "SELECT round_id FROM rounds")) & set(late)
    assert rows(engine, STAYED) == []
    engine.dispose()
    postgres.drop("late_postings_next")
