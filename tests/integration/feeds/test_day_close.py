"""Restated records of a closed day are found one by one, with their version at the close."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from feeds.day_close import DayClose, close_day, close_of, record_restatements, restatements_of
from feeds.finding_kinds import FindingKind
from feeds.findings import FeedFinding, findings_in, resolve_finding
from feeds.records import store_records
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from storage.engine import open_engine
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money
from vocabulary.window import Window

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF_DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
EVENING = NOON + timedelta(hours=15)
#: A run reads its clock for its window, for its watermark, and for its end.
COMPARED = 3


def record(name: str, **changes: object) -> HistoryRecord:
    defaults = {
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
    values = {**defaults, **changes}
    return HistoryRecord(**values, raw=ascii(sorted(values.items())).encode())  # type: ignore[arg-type]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def push(engine: Engine, *records: HistoryRecord) -> None:
    with engine.begin() as connection:
        count = store_records(connection, "agg", records, source="push", received_at=EVENING)
        record_restatements(connection, "agg", (count.first, count.last), now=EVENING)


def close(engine: Engine) -> DayClose:
    with engine.begin() as connection:
        return close_day(connection, "agg", DAY, window=OF_DAY, run_id="run-1", now=EVENING)


def open_findings_in(engine: Engine, window: Window = OF_DAY) -> list[FeedFinding]:
    with engine.begin() as connection:
        return findings_in(connection, "agg", window)


def test_a_record_changed_after_the_close_has_both_versions_and_a_difference(
    engine: Engine,
) -> None:
    push(engine, record("a"), record("b"))
    close(engine)
    paid = {"payout": Money(900, "USD"), "updated_at": EVENING}

    push(engine, record("a", **paid), record("b"))

    (finding,) = open_findings_in(engine)
    assert (finding.kind, finding.record_id) == (FindingKind.RESTATED_AFTER_CLOSE, "a")
    assert (finding.difference, finding.currency, finding.round_id) == (900, "USD", "round-a")
    assert (finding.evidence["before"]["payout"], finding.evidence["after"]["payout"]) == (
        0,
        900,
    )
    assert finding.evidence["run_id"] == "run-1"


def test_a_change_before_the_close_is_no_restatement(engine: Engine) -> None:
    push(engine, record("a"))
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    close(engine)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))

    assert open_findings_in(engine) == []


def test_a_new_record_of_a_closed_day_has_no_version_before(
    engine: Engine,
) -> None:
    close(engine)
    push(engine, record("a"))

    (finding,) = open_findings_in(engine)
    assert (finding.difference, finding.evidence["before"]) == (-500, None)
    assert "for the first time" in finding.detail


def test_what_a_person_resolved_is_open_again_once_the_record_changes_further(
    engine: Engine,
) -> None:
    push(engine, record("a"))
    close(engine)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    (finding,) = open_findings_in(engine)
    with engine.begin() as connection:
        resolve_finding(connection, finding.id, by="maria: agreed", now=EVENING)
    push(engine, record("b", created_at=NOON + timedelta(seconds=1)))
    assert [item.record_id for item in open_findings_in(engine)] == ["b"]

    later = EVENING + timedelta(minutes=1)
    push(engine, record("a", payout=Money(950, "USD"), updated_at=later))

    again = {item.record_id: item for item in open_findings_in(engine)}
    assert set(again) == {"a", "b"}
    assert (again["a"].difference, again["a"].resolved_by) == (950, None)


def test_a_record_changed_twice_is_compared_with_its_version_at_the_close(
    engine: Engine,
) -> None:
    push(engine, record("a"))
    close(engine)
    later = EVENING + timedelta(hours=1)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    push(engine, record("a", payout=Money(1000, "USD"), updated_at=later))

    (finding,) = open_findings_in(engine)
    assert (finding.difference, finding.evidence["before"]["payout"]) == (1000, 0)


def test_a_record_changed_back_is_no_finding_any_more(engine: Engine) -> None:
    push(engine, record("a"))
    close(engine)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    push(engine, record("a", updated_at=EVENING + timedelta(hours=1)))

    assert open_findings_in(engine) == []


def test_a_record_that_moves_to_another_day_is_a_restatement_of_the_day_it_left(
    engine: Engine,
) -> None:
    push(engine, record("a"))
    close(engine)
    tomorrow = NOON + timedelta(days=1)
    push(engine, record("a", created_at=tomorrow, updated_at=EVENING))

    with engine.begin() as connection:
        (restatement,) = restatements_of(connection, "agg", DAY)
    assert restatement.before is not None
    assert restatement.after is not None
    assert (restatement.before.created_at, restatement.after.created_at) == (NOON, tomorrow)
    assert len(open_findings_in(engine)) == 1


def test_closing_again_signs_the_current_records(engine: Engine) -> None:
    push(engine, record("a"))
    first = close(engine)
    push(engine, record("a", payout=Money(900, "USD"), updated_at=EVENING))
    second = close(engine)

    assert (first.records, second.records) == (1, 1)
    assert first.digest != second.digest
    assert open_findings_in(engine) == []
    with engine.begin() as connection:
        assert close_of(connection, "agg", DAY) == second
        assert restatements_of(connection, "agg", DAY) == []


def test_the_digest_of_a_day_does_not_depend_on_the_order_of_arrival(
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


def test_a_window_does_not_have_the_findings_of_another_day(engine: Engine) -> None:
    close(engine)
    push(engine, record("a"))
    next_day = Window(start=OF_DAY.end, end=OF_DAY.end + timedelta(days=1))

    assert open_findings_in(engine, next_day) == []
    assert len(open_findings_in(engine)) == 1


class DeliveringClock:
    """A clock that has records pushed when it is read after the run has compared."""

    def __init__(self, engine: Engine, *records: HistoryRecord) -> None:
        self._engine = engine
        self._records = records
        self._readings = 0

    def now(self) -> datetime:
        self._readings += 1
        if self._readings == COMPARED:
            push(self._engine, *self._records)
        return EVENING


def test_what_arrives_while_a_run_compares_comes_after_its_close(
    engine: Engine, database: str
) -> None:
    push(engine, record("a"))
    paid = record("a", payout=Money(900, "USD"), updated_at=EVENING)
    request = RunRequest(
        provider="agg", window=OF_DAY, maturity=timedelta(minutes=15), close=DAY
    )

    result = reconcile(database, request, clock=DeliveringClock(engine, paid, record("b")))

    assert [(break_.kind, break_.round_id) for break_ in result.breaks] == [
        ("missing_in_ledger", "round-a")
    ]
    with engine.begin() as connection:
        closed = close_of(connection, "agg", DAY)
    assert closed is not None
    assert (closed.run_id, closed.records) == (result.run_id, 1)
    found = {item.record_id: item for item in open_findings_in(engine)}
    assert {name: item.difference for name, item in found.items()} == {"a": 900, "b": -500}
    assert {item.kind for item in found.values()} == {FindingKind.RESTATED_AFTER_CLOSE}

    again = reconcile(database, request, clock=DeliveringClock(engine))
    assert {break_.round_id for break_ in again.breaks} == {"round-a", "round-b"}
    assert open_findings_in(engine) == []
