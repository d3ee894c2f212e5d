"""Records missing from a complete re-delivery are withdrawn, with a finding each."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec import structs
from sqlalchemy import Connection, Engine, text

from feeds.coverage import list_unread
from feeds.day_close import close_day, restatements_of
from feeds.finding_kinds import FindingKind
from feeds.findings import FeedFinding, open_findings, resolve_finding
from feeds.records import store_records
from feeds.statements.importer import ImportResult
from feeds.statements.reading.file_format import Trailer
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.runs.verify import verify_run
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks
from tests.integration.feeds.test_import import (
    DAY,
    HEADER,
    NAMED,
    NOW,
    bet,
    ids,
    import_text,
    reader,
)
from vocabulary.clock import FrozenClock
from vocabulary.facts import HistoryRecord

FIRST, SECOND, THIRD = ("2026-03-01.csv", "2026-03-01-b.csv", "2026-03-01-c.csv")
ALL = HEADER + bet(1) + bet(2) + bet(3) + bet(4)
WITHOUT_2 = HEADER + bet(1) + bet(3) + bet(4)
HALF = HEADER + bet(1) + bet(2)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def open_now(connection: Connection) -> list[tuple[FindingKind, str | None, str | None]]:
    return [
        (finding.kind, finding.file, finding.record_id) for finding in open_findings(connection)
    ]


def restate(connection: Connection, path: Path, content: str, **more: Any) -> ImportResult:
    return import_text(connection, path, content, restates=True, **more)


def withdrawn(name: str, file: str = SECOND) -> tuple[FindingKind, str, str]:
    return FindingKind.WITHDRAWN_RECORD, file, name


def test_a_record_missing_from_the_restating_file_is_withdrawn_with_a_finding(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        result = restate(connection, tmp_path / SECOND, WITHOUT_2)

        assert (result.withdrawn, result.has_errors) == (1, True)
        assert ids(connection) == ["t-1", "t-3", "t-4"]
        assert open_now(connection) == [withdrawn("t-2")]
        (finding,) = open_findings(connection)
        assert (finding.difference, finding.currency, finding.covers) == (500, "USD", DAY)
        assert finding.evidence["told_by"] == FIRST
        # Its fields and its original text are kept.
        rows = connection.execute(text("SELECT record_id FROM feed_superseded")).scalars()
        assert rows.all() == ["t-2"]
        versions = "SELECT count(*) FROM feed_versions WHERE record_id = 't-2'"
        assert connection.execute(text(versions)).scalar_one() == 1


def test_either_file_imported_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        restate(connection, tmp_path / SECOND, WITHOUT_2)

        for restates in (True, False):
            result = import_text(connection, tmp_path / SECOND, WITHOUT_2, restates=restates)
            assert (result.verdict, result.withdrawn, result.count.stored) == ("imported", 0, 0)
            assert open_now(connection) == [withdrawn("t-2")]

        earlier = import_text(connection, tmp_path / FIRST, ALL)
        assert earlier.verdict == "quarantined"
        assert ids(connection) == ["t-1", "t-3", "t-4"]
        events = connection.execute(text("SELECT event FROM feed_withdrawals")).scalars()
        assert events.all() == ["withdrawn"]


def test_a_record_that_returns_is_stored_again_and_is_not_late(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        restate(connection, tmp_path / SECOND, WITHOUT_2)

        result = restate(connection, tmp_path / THIRD, HEADER + bet(1) + bet(2) + bet(4))

        assert (result.withdrawn, result.count.late) == (1, 0)
        assert ids(connection) == ["t-1", "t-2", "t-4"]
        assert open_now(connection) == [withdrawn("t-3", THIRD)]
        back = restate(connection, tmp_path / FIRST, ALL)
        assert (back.withdrawn, ids(connection)) == (0, ["t-1", "t-2", "t-3", "t-4"])
        assert open_now(connection) == []
        rows = connection.execute(
            text("SELECT record_id, event FROM feed_withdrawals ORDER BY withdrawal_id")
        )
        assert [tuple(row) for row in rows] == [
            ("t-2", "withdrawn"),
            ("t-2", "restored"),
            ("t-3", "withdrawn"),
            ("t-3", "restored"),
        ]


def test_a_record_missing_from_two_files_stays_withdrawn_by_the_first(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        restate(connection, tmp_path / SECOND, WITHOUT_2)
        assert import_text(connection, tmp_path / FIRST, ALL).verdict == "quarantined"

        for _ in range(2):
            restate(connection, tmp_path / THIRD, HEADER + bet(1) + bet(4))
            assert ids(connection) == ["t-1", "t-4"]
            assert set(open_now(connection)) == {withdrawn("t-2"), withdrawn("t-3", THIRD)}

        torn = restate(connection, tmp_path / "2026-03-01-d.csv", ALL[:-30])
        assert torn.verdict == "partly"
        # The records it has return; those it may have lost are left alone.
        assert withdrawn("t-2") not in open_now(connection)
        assert ids(connection) == ["t-1", "t-2", "t-3", "t-4"]


def test_half_a_day_withdraws_nothing_of_the_other_half(engine: Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        result = restate(connection, tmp_path / SECOND, HALF)

        assert (result.withdrawn, result.has_errors) == (0, True)
        assert ids(connection) == ["t-1", "t-2", "t-3", "t-4"]
        assert set(open_now(connection)) == {
            (FindingKind.SHORTER_FILE, SECOND, None),
            (FindingKind.NOT_TOLD_AGAIN, SECOND, "t-3"),
            (FindingKind.NOT_TOLD_AGAIN, SECOND, "t-4"),
        }
        (not_read,) = list_unread(connection, "book", DAY, NOW, stale_after=None)
        assert (not_read.kind, not_read.file) == ("shorter_file", SECOND)


def test_half_a_day_declared_complete_withdraws_the_other_half(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        restate(connection, tmp_path / SECOND, HALF)
        result = restate(connection, tmp_path / SECOND, HALF, complete=True)

        assert (result.withdrawn, ids(connection)) == (2, ["t-1", "t-2"])
        assert open_now(connection) == [withdrawn("t-3"), withdrawn("t-4")]
        # It need not be declared again.
        assert import_text(connection, tmp_path / SECOND, HALF).withdrawn == 0
        assert open_now(connection) == [withdrawn("t-3"), withdrawn("t-4")]


def test_a_file_that_announces_its_number_of_lines_is_complete(
    engine: Engine, tmp_path: Path
) -> None:
    counted = replace(NAMED, trailer=Trailer(marker="TOTAL", rows=2))
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL + "TOTAL,4\n", counted)
        result = restate(connection, tmp_path / SECOND, HALF + "TOTAL,2\n", rules=counted)

        assert (result.verdict, result.withdrawn) == ("imported", 2)
        assert ids(connection) == ["t-1", "t-2"]


@pytest.mark.parametrize(
    "cut",
    [
        WITHOUT_2[:-30],  # in the middle of its last line
        WITHOUT_2.replace("5.00", '"5,00"', 1),
        "<!DOCTYPE html><p>gone</p>\n",
        HEADER,
    ],
)
def test_a_file_with_any_error_withdraws_nothing_and_has_a_finding(
    engine: Engine, tmp_path: Path, cut: str
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        result = restate(connection, tmp_path / SECOND, cut, complete=True)

        assert result.verdict in {"partly", "quarantined"}
        assert (result.withdrawn, result.has_errors) == (0, True)
        assert ids(connection) == ["t-1", "t-2", "t-3", "t-4"]
        assert open_now(connection) != []


def test_several_files_of_a_day_withdraw_nothing_of_each_other(
    engine: Engine, tmp_path: Path
) -> None:
    several = replace(NAMED, several_a_day=True)
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, HEADER + bet(1) + bet(2) + bet(3), several)
        import_text(connection, tmp_path / SECOND, HEADER + bet(3) + bet(4) + bet(5), several)
        assert ids(connection) == ["t-1", "t-2", "t-3", "t-4", "t-5"]

        # It restates only the file of its own name, and records of other files stay.
        restate(connection, tmp_path / FIRST, HEADER + bet(1) + bet(9), rules=several)
        assert ids(connection) == ["t-1", "t-3", "t-4", "t-5", "t-9"]
        assert open_now(connection) == [withdrawn("t-2", FIRST)]


def test_a_file_ends_no_finding_of_another_one_of_the_day_that_it_does_not_replace(
    engine: Engine, tmp_path: Path
) -> None:
    several = replace(NAMED, several_a_day=True)
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, HEADER + bet(1) + "torn,line\n", several)
        import_text(connection, tmp_path / SECOND, HEADER + bet(3), several)
        restate(connection, tmp_path / SECOND, HEADER + bet(3) + bet(4), rules=several)
        assert open_now(connection) == [(FindingKind.UNPARSABLE_RECORD, FIRST, None)]

        restate(connection, tmp_path / FIRST, HEADER + bet(1) + bet(2), rules=several)
        assert open_now(connection) == []


def test_a_file_that_replaces_one_by_number_replaces_the_one_of_its_day_too(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        odd = import_text(connection, tmp_path / "odd.csv", "<html>503</html>\n")
        content, replaces = HEADER + bet(1) + bet(3) + bet(4), (odd.file_id,)
        import_text(connection, tmp_path / SECOND, content, replaces=replaces)
        assert ids(connection) == ["t-1", "t-3", "t-4"]
        assert open_now(connection) == [withdrawn("t-2")]
        assert import_text(connection, tmp_path / FIRST, ALL).verdict == "quarantined"


def test_a_record_that_another_feed_reported_too_stays_with_a_finding(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        newer = structs.replace(_line(tmp_path, 2), updated_at=NOW, raw=b"pushed")
        store_records(connection, "book", [newer], source="push", received_at=NOW)

        result = restate(connection, tmp_path / SECOND, WITHOUT_2)

        assert (result.withdrawn, ids(connection)) == (0, ["t-1", "t-2", "t-3", "t-4"])
        assert open_now(connection) == [(FindingKind.NOT_TOLD_AGAIN, SECOND, "t-2")]


def test_a_repeated_line_that_is_listed_once_afterwards_is_one_record(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, HEADER + bet(1) + bet(2) + bet(2) + bet(3))
        assert ids(connection) == ["t-1", "t-2", "t-2", "t-3"]
        restate(connection, tmp_path / SECOND, HEADER + bet(1) + bet(2) + bet(3))
        assert ids(connection) == ["t-1", "t-2", "t-3"]


def test_a_finding_that_a_person_closed_stays_closed(engine: Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        restate(connection, tmp_path / SECOND, WITHOUT_2)
        (finding,) = open_findings(connection)
        resolve_finding(connection, finding.id, by="anna: asked them", now=NOW)
        restate(connection, tmp_path / SECOND, WITHOUT_2)
        assert open_now(connection) == []


def test_a_withdrawal_of_a_closed_day_is_a_restatement(engine: Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        day = DAY.start.date()
        close_day(connection, "book", day, window=DAY, run_id=None, now=NOW)

        result = restate(connection, tmp_path / SECOND, WITHOUT_2)

        assert result.restatements == 1
        (restatement,) = restatements_of(connection, "book", day)
        assert restatement.before is not None
        assert (
            restatement.record_id,
            restatement.before.stake,
            restatement.after,
            restatement.difference,
        ) == (
            "t-2",
            500,
            None,
            500,
        )
        assert _restated(connection).evidence["after"] is None

        restate(connection, tmp_path / FIRST, ALL)
        assert restatements_of(connection, "book", day) == []
        assert open_now(connection) == []


def _restated(connection: Connection) -> FeedFinding:
    kind = FindingKind.RESTATED_AFTER_CLOSE
    (finding,) = [item for item in open_findings(connection) if item.kind is kind]
    return finding


def _run(url: str, *, minutes: int, options: RunOptions) -> RunResult:
    return reconcile(
        url,
        RunRequest(provider="book", window=DAY, maturity=timedelta(minutes=15)),
        clock=FrozenClock(NOW + timedelta(minutes=minutes)),
        options=options,
    )


def test_our_round_is_missing_at_the_provider_once_its_record_is_withdrawn(
    engine: Engine, database: str, tmp_path: Path
) -> None:
    books = TwoBooks(provider="book")
    for number in range(1, 5):
        books.ours(_line(tmp_path, number).round_id, 500, 0, at=DAY.start)
    books.write(database)
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
    before = _run(database, minutes=0, options=RunOptions())
    assert before.breaks == ()

    with engine.connect() as connection:
        restate(connection, tmp_path / SECOND, WITHOUT_2)
    verified = verify_run(database, before.run_id)
    changes = _run(database, minutes=1, options=RunOptions(incremental=True))
    whole = _run(database, minutes=1, options=RunOptions())

    assert (changes.inputs["whole"], whole.inputs["whole"]) == (False, True)
    assert changes.to_json()["breaks"] == whole.to_json()["breaks"]
    (break_,) = whole.breaks
    assert (break_.kind, break_.difference) == ("missing_at_provider", 500)
    (withdrawal,) = break_.evidence["withdrawn"]
    assert (withdrawal["record"], withdrawal["told_by"], withdrawal["withdrawn_by"]) == (
        "t-2",
        FIRST,
        SECOND,
    )
    # The earlier run does not match its inputs any more; the change is named.
    assert verified.problems == (
        "the rows of theirs are not those of the run: 1 reported again since",
    )
    assert [dict(change)["name"] for side in verified.changed for change in side.named] == [
        "t-2"
    ]


def _line(tmp_path: Path, number: int) -> HistoryRecord:
    """The record of a line of these files."""
    path = tmp_path / "one.csv"
    path.write_text(HEADER + bet(number))
    with path.open("rb") as stream:
        (record,) = reader().read(stream, path.name)
    assert isinstance(record, HistoryRecord)
    return record


def test_rows_about_withdrawals_are_append_only(
    engine: Engine, database: str, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FIRST, ALL)
        restate(connection, tmp_path / SECOND, WITHOUT_2)
    for table in ("feed_withdrawals", "feed_file_records"):
        with psycopg.connect(database) as direct:
            refusal = pytest.raises(psycopg.errors.RestrictViolation, match="append-only")
            with refusal:
                direct.execute(f"DELETE FROM {table}".encode())
