"""A closed day that is told otherwise is shown row by row, with what it said at the close."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from feeds.day_close import DayClose, close_day, close_of, record_restatements, restatements_of
from feeds.findings import FeedFinding, FindingKind, findings_in
from feeds.records import store_records
from storage.engine import open_engine
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money
from vocabulary.window import Window

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF_DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
EVENING = NOON + timedelta(hours=15)


def record(name: str, **changed: object) -> HistoryRecord:
    whole = {
        "record_id": name,
        "round_id": f"round-{name}",
        "handle": "alice",
        "currency": "USD",
        "stake": Money(500, "USD"),
        "payout": Money(0, "USD"),
        "rolled_back": False,
        "declared_net": None,
        "balance_before": None,
        "balance_after": None,
        "game": None,
        "created_at": NOON,
        "updated_at": NOON,
    }
    told = {**whole, **changed}
    return HistoryRecord(**told, raw=ascii(sorted(told.items())).encode())  # type: ignore[arg-type]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = open_engine(database)
    yield made
    made.dispose()


def push(engine: Engine, *records: HistoryRecord) -> None:
    with engine.begin() as connection:
        count = store_records(connection, "agg", records, source="push", received_at=EVENING)
        if count.first and count.last:
            record_restatements(
                connection, "agg", first=count.first, last=count.last, now=EVENING
            )


def close(engine: Engine) -> DayClose:
    with engine.begin() as connection:
        return close_day(connection, "agg", DAY, window=OF_DAY, run_id="run-1", now=EVENING)


def standing(engine: Engine, window: Window = OF_DAY) -> list[FeedFinding]:
    with engine.begin() as connection:
        return findings_in(connection, "agg", window)


def test_a_record_told_otherwise_after_the_close_has_both_sides_and_a_difference(
    engine: Engine,
) -> None:
    push(engine, record("a"), record("b"))
    close(engine)
    paid = {"payout": Money(900, "USD"), "updated_at": EVENING}

    push(engine, record("a", **paid), record("b"))

    (found,) = standing(engine)
    assert (found.kind, found.record_id) == (FindingKind.RESTATED_AFTER_CLOSE, "a")
    assert (found.difference, found.currency, found.round_id) == (900, "USD", "round-a")
    assert (found.evidence["before"]["payout"], found.evidence["after"]["payout"]) == (0, 900)
    assert found.evidence["run_id"] == "run-1"


def test_what_is_told_before_the_close_is_no_restatement(engine: Engine) -> None:
    push(engine, record("a"))
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    close(engine)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))

    assert standing(engine) == []


def test_a_record_of_a_closed_day_told_for_the_first_time_had_said_nothing(
    engine: Engine,
) -> None:
    close(engine)
    push(engine, record("a"))

    (found,) = standing(engine)
    assert (found.difference, found.evidence["before"]) == (-500, None)
    assert "for the first time" in found.detail


def test_told_twice_after_the_close_it_is_compared_with_the_close_only(engine: Engine) -> None:
    push(engine, record("a"))
    close(engine)
    later = EVENING + timedelta(hours=1)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    push(engine, record("a", payout=Money(1000, "USD"), updated_at=later))

    (found,) = standing(engine)
    assert (found.difference, found.evidence["before"]["payout"]) == (1000, 0)


def test_told_back_to_what_it_said_at_the_close_nothing_stands(engine: Engine) -> None:
    push(engine, record("a"))
    close(engine)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    push(engine, record("a", updated_at=EVENING + timedelta(hours=1)))

    assert standing(engine) == []


def test_a_record_that_leaves_the_day_is_seen_from_the_day_it_left(engine: Engine) -> None:
    push(engine, record("a"))
    close(engine)
    tomorrow = NOON + timedelta(days=1)
    push(engine, record("a", created_at=tomorrow, updated_at=EVENING))

    with engine.begin() as connection:
        (found,) = restatements_of(connection, "agg", DAY)
    assert found.before is not None
    assert found.after is not None
    assert (found.before.created_at, found.after.created_at) == (NOON, tomorrow)
    assert len(standing(engine)) == 1


def test_closing_again_signs_what_it_says_now(engine: Engine) -> None:
    push(engine, record("a"))
    first = close(engine)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    second = close(engine)

    assert (first.records, second.records) == (1, 1)
    assert first.digest != second.digest
    assert standing(engine) == []
    with engine.begin() as connection:
        assert close_of(connection, "agg", DAY) == second
        assert restatements_of(connection, "agg", DAY) == []


def test_the_digest_of_a_day_is_over_what_it_says_and_not_over_the_order_it_came_in(
    engine: Engine,
) -> None:
    push(engine, record("a"), record("b"))
    first = close(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM feed_records"))
        connection.execute(text("SET LOCAL timezone = 'Asia/Tokyo'"))
    push(engine, record("b"))
    push(engine, record("a"))

    assert close(engine).digest == first.digest


def test_a_finding_of_another_day_is_not_told_to_this_window(engine: Engine) -> None:
    close(engine)
    push(engine, record("a"))
    next_day = Window(start=OF_DAY.end, end=OF_DAY.end + timedelta(days=1))

    assert standing(engine, next_day) == []
    assert len(standing(engine)) == 1
