"""What a cross-check finds belongs to one day, whichever day is compared after it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from feeds.findings import resolve_scopes
from feeds.push import record_unreadable
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.runs.verify import verify_run
from storage.transactions import engine_at
from tests.integration.reconcile.test_cross_checks import Journal
from vocabulary.clock import FrozenClock
from vocabulary.ids import match_key
from vocabulary.window import Window

MONDAY, TUESDAY, WEDNESDAY = (
    Window(start=datetime(2026, 3, day, tzinfo=UTC), end=datetime(2026, 3, day + 1, tzinfo=UTC))
    for day in (2, 3, 4)
)
DAYS = (MONDAY, TUESDAY, WEDNESDAY)
MINUTE = timedelta(minutes=1)
_MOVE = (
    "UPDATE operations SET received_at = %s WHERE match_key = %s",
    "UPDATE feed_records SET created_at = %s WHERE match_key = %s",
    "UPDATE rounds SET first_at = %s WHERE match_key = %s",
)
_VERSION = """
INSERT INTO feed_versions (provider, record_id, updated_at, content, raw, source, received_at)
SELECT provider, record_id, updated_at, '', '', source, %s FROM feed_records
 WHERE record_id = %s
"""
_MOVE_DELIVERY = """
UPDATE deliveries SET received_at = %s
 WHERE delivery_id = (SELECT delivery_id FROM deliveries ORDER BY 1 OFFSET %s LIMIT 1)
"""


def _run(url: str, day: Window, *, now: datetime = WEDNESDAY.end) -> RunResult:
    request = RunRequest(provider="agg", window=day, maturity=15 * MINUTE)
    return reconcile(url, request, clock=FrozenClock(now))


def _found(result: RunResult) -> list[tuple[str, str, int]]:
    return [(str(b.kind), b.round_id, b.difference) for b in result.breaks]


def _began(url: str) -> list[datetime]:
    """When the open breaks began."""
    with psycopg.connect(url) as connection:
        query = "SELECT began_at FROM breaks WHERE cleared_at IS NULL"
        return [at for (at,) in connection.execute(query)]


def _change(url: str, statements: Sequence[str], *values: object) -> None:
    """Change rows that nobody may change."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement.encode(), values)


def _play(journal: Journal, name: str, at: datetime, *, off: int = 0) -> None:
    """Play a round for 0.10 before which the provider's balance is off."""
    before = journal.balance + off
    journal.operation(name, stake=10)
    journal.record(name, 10, before=before)
    _change(journal.url, _MOVE, at, match_key("agg", name))


@pytest.fixture
def journal(database: str) -> Journal:
    return Journal(database).opens()


def test_a_balance_that_stays_off_is_a_gap_on_its_first_day_alone(journal: Journal) -> None:
    for n, day in enumerate(DAYS):
        _play(journal, f"first-{n}", day.start + 60 * MINUTE, off=7 * (n > 0))
        _play(journal, f"second-{n}", day.start + 120 * MINUTE, off=7)
    _play(journal, "third", WEDNESDAY.start + 180 * MINUTE, off=12)
    _play(journal, "fourth", WEDNESDAY.start + 181 * MINUTE, off=12)

    found = [_found(_run(journal.url, day)) for day in DAYS]

    assert found == [
        [("balance_chain_gap", "second-0", 7)],
        [],
        [("balance_chain_gap", "third", 5)],
    ]


@pytest.mark.parametrize("is_last", [False, True])
def test_a_round_that_we_lost_is_no_gap_of_the_days_after_it(
    journal: Journal, *, is_last: bool
) -> None:
    _play(journal, "before", MONDAY.start + 60 * MINUTE)
    journal.record("lost", 25, before=journal.balance)
    _change(journal.url, _MOVE, MONDAY.start + 70 * MINUTE, match_key("agg", "lost"))
    if not is_last:
        _play(journal, "after", MONDAY.start + 80 * MINUTE, off=-25)
    for n, day in enumerate((TUESDAY, WEDNESDAY)):
        _play(journal, f"next-{n}", day.start + 60 * MINUTE, off=-25)

    runs = [_run(journal.url, day) for day in DAYS]

    assert list(map(_found, runs)) == [[("missing_in_ledger", "lost", -25)], [], []]
    assert [verify_run(journal.url, run.run_id).problems for run in runs] == [(), (), ()]


def test_of_two_lines_at_one_instant_the_bet_has_the_balance_before_the_round(
    journal: Journal,
) -> None:
    for n, day in enumerate(DAYS):
        for number in (1, 2):
            name, off = f"r{n}-{number}", 7 * (n > 0 or number > 1)
            at, stake = day.start + number * 60 * MINUTE, 10 * number
            before = journal.balance + off
            journal.operation(f"{name}-b", stake=stake, round_id=name)
            journal.operation(f"{name}-w", payout=4, kind="win", round_id=name)
            journal.record(f"{name}-2", stake, before=before, round_id=name)
            journal.record(f"{name}-1", 0, 4, before=before - stake, round_id=name)
            journal.execute("UPDATE feed_records SET continues = right(record_id, 2) = '-1'")
            _change(journal.url, _MOVE, at, match_key("agg", name))

    found = [_found(_run(journal.url, day)) for day in DAYS]

    assert found == [[("balance_chain_gap", "r0-2", 7)], [], []]


def test_a_verification_names_the_round_that_an_earlier_day_misses(journal: Journal) -> None:
    _play(journal, "before", MONDAY.start + 60 * MINUTE)
    journal.record("lost", 25, before=journal.balance)
    _change(journal.url, _MOVE, MONDAY.start + 70 * MINUTE, match_key("agg", "lost"))
    _play(journal, "next", TUESDAY.start + 60 * MINUTE, off=-25)
    tuesday = _run(journal.url, TUESDAY)
    assert _found(tuesday) == [("balance_chain_gap", "next", -25)]

    later = WEDNESDAY.end + 60 * MINUTE
    [missing] = _run(journal.url, MONDAY, now=later).breaks

    _names(journal, tuesday, missing.id)


def test_a_verification_names_the_balance_of_an_earlier_day(journal: Journal) -> None:
    journal.operation("first", stake=10)
    _change(journal.url, [_MOVE[0], _MOVE[2]], MONDAY.start, match_key("agg", "first"))
    _play(journal, "next", TUESDAY.start + 60 * MINUTE, off=7)
    tuesday = _run(journal.url, TUESDAY)
    assert _found(tuesday) == [("balance_chain_gap", "next", 7)]

    journal.record("first", 10, before=journal.balance + 20 + 7)
    _change(journal.url, [_MOVE[1]], MONDAY.start, match_key("agg", "first"))
    journal.execute(_VERSION, WEDNESDAY.end, "first")

    _names(journal, tuesday, "first")


def _names(journal: Journal, run: RunResult, name: str) -> None:
    """Check that what a verification finds else has this reason."""
    verification = verify_run(journal.url, run.run_id)
    assert verification.problems == (
        "findings by_witness differ: 1 of what cross-checks read came since",
    )
    assert [row["name"] for side in verification.changed for row in side.named] == [name]


def test_a_later_line_of_a_round_has_no_balance_before_the_round(journal: Journal) -> None:
    _play(journal, "bet", MONDAY.end - MINUTE)
    journal.record("win", 0, 30, before=journal.balance, round_id="bet")
    journal.operation("win", payout=30, kind="win", round_id="bet")
    late = "UPDATE feed_records SET created_at = %s WHERE record_id = 'win'"
    _change(journal.url, [late], MONDAY.end + MINUTE)

    assert [_found(_run(journal.url, day)) for day in (MONDAY, TUESDAY)] == [[], []]


def test_a_conflict_of_two_days_began_on_the_first(journal: Journal) -> None:
    _play(journal, "b1", MONDAY.end - 3 * MINUTE)
    conflicts = (MONDAY.end - MINUTE, MONDAY.end + MINUTE)
    for n, at in enumerate(conflicts):
        journal.delivered("b1", "conflict")
        _change(journal.url, [_MOVE_DELIVERY], at, n)

    for day in (MONDAY, TUESDAY):
        assert _found(_run(journal.url, day)) == [("idempotency_conflict", "b1", 0)]
        assert _began(journal.url) == [conflicts[0]]


def test_a_line_of_an_unknown_time_has_one_day_and_ends_with_its_finding(
    journal: Journal,
) -> None:
    seen = MONDAY.start + 60 * MINUTE
    with engine_at(journal.url) as engine, engine.begin() as connection:
        record_unreadable(connection, "agg", 7, ValueError(), now=seen)
    for day in DAYS:
        assert [kind for kind, _, _ in _found(_run(journal.url, day))] == ["unparsable_record"]
        assert _began(journal.url) == [seen]

    with engine_at(journal.url) as engine, engine.begin() as connection:
        resolve_scopes(connection, "agg", "push", scopes=["delivery 7"], now=seen)

    assert _found(_run(journal.url, WEDNESDAY)) == []
    assert _began(journal.url) == []
