"""A record that a later telling leaves out is neither dropped nor kept in silence."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from typer.testing import CliRunner

from feeds.coverage import unread
from feeds.day_close import close_day, restated
from feeds.findings import FeedFinding, FindingKind, open_findings, resolve
from feeds.records import store_records
from feeds.statements.file_format import Trailer
from feeds.statements.importer import ImportResult
from ops.cli import app
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.runs.verify import verify_run
from storage.engine import open_engine
from tests.harness.books.two_sides import TwoBooks
from tests.integration.feeds.test_import import DAY, HEADER, NAMED, NOW, bet, ids, reader, take
from vocabulary.clock import FrozenClock
from vocabulary.facts import HistoryRecord

FIRST, SECOND, THIRD = ("2026-03-01.csv", "2026-03-01-b.csv", "2026-03-01-c.csv")
ALL = HEADER + bet(1) + bet(2) + bet(3) + bet(4)
WITHOUT_2 = HEADER + bet(1) + bet(3) + bet(4)
HALF = HEADER + bet(1) + bet(2)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = open_engine(database)
    yield made
    made.dispose()


def told(connection: Connection) -> list[tuple[FindingKind, str | None, str | None]]:
    return [(each.kind, each.file, each.record_id) for each in open_findings(connection)]


def again(connection: Connection, path: Path, content: str, **more: Any) -> ImportResult:
    return take(connection, path, content, restates=True, **more)


def withdrawn(name: str, file: str = SECOND) -> tuple[FindingKind, str, str]:
    return FindingKind.WITHDRAWN_RECORD, file, name


def test_a_record_that_the_restating_file_leaves_out_is_withdrawn_and_told(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        taken = again(connection, tmp_path / SECOND, WITHOUT_2)

        assert (taken.withdrawn, taken.has_errors) == (1, True)
        assert ids(connection) == ["t-1", "t-3", "t-4"]
        assert told(connection) == [withdrawn("t-2")]
        (found,) = open_findings(connection)
        assert (found.difference, found.currency, found.covers) == (500, "USD", DAY)
        assert found.evidence["told_by"] == FIRST
        # It is known what it said, word for word and in fields.
        rows = connection.execute(text("SELECT record_id FROM feed_superseded")).scalars()
        assert rows.all() == ["t-2"]
        versions = "SELECT count(*) FROM feed_versions WHERE record_id = 't-2'"
        assert connection.execute(text(versions)).scalar_one() == 1


def test_either_file_imported_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        again(connection, tmp_path / SECOND, WITHOUT_2)

        for restates in (True, False):
            taken = take(connection, tmp_path / SECOND, WITHOUT_2, restates=restates)
            assert (taken.verdict, taken.withdrawn, taken.count.stored) == ("imported", 0, 0)
            assert told(connection) == [withdrawn("t-2")]

        earlier = take(connection, tmp_path / FIRST, ALL)
        assert earlier.verdict == "quarantined"
        assert ids(connection) == ["t-1", "t-3", "t-4"]
        events = connection.execute(text("SELECT event FROM feed_withdrawals")).scalars()
        assert events.all() == ["withdrawn"]


def test_a_record_that_comes_back_is_told_again_and_late_it_is_not(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        again(connection, tmp_path / SECOND, WITHOUT_2)

        taken = again(connection, tmp_path / THIRD, HEADER + bet(1) + bet(2) + bet(4))

        assert (taken.withdrawn, taken.count.late) == (1, 0)
        assert ids(connection) == ["t-1", "t-2", "t-4"]
        assert told(connection) == [withdrawn("t-3", THIRD)]
        back = again(connection, tmp_path / FIRST, ALL)
        assert (back.withdrawn, ids(connection)) == (0, ["t-1", "t-2", "t-3", "t-4"])
        assert told(connection) == []
        rows = connection.execute(
            text("SELECT record_id, event FROM feed_withdrawals ORDER BY withdrawal_id")
        )
        assert [tuple(row) for row in rows] == [
            ("t-2", "withdrawn"),
            ("t-2", "told_again"),
            ("t-3", "withdrawn"),
            ("t-3", "told_again"),
        ]


def test_what_is_left_out_twice_stays_told_as_left_out_by_the_first(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        again(connection, tmp_path / SECOND, WITHOUT_2)
        assert take(connection, tmp_path / FIRST, ALL).verdict == "quarantined"

        for _ in range(2):
            again(connection, tmp_path / THIRD, HEADER + bet(1) + bet(4))
            assert ids(connection) == ["t-1", "t-4"]
            assert set(told(connection)) == {withdrawn("t-2"), withdrawn("t-3", THIRD)}

        torn = again(connection, tmp_path / "2026-03-01-d.csv", ALL[:-30])
        assert torn.verdict == "partly"
        # What it tells is told again; what it may have lost is not judged.
        assert withdrawn("t-2") not in told(connection)
        assert ids(connection) == ["t-1", "t-2", "t-3", "t-4"]


def test_half_a_day_withdraws_nothing_of_the_other_half(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        taken = again(connection, tmp_path / SECOND, HALF)

        assert (taken.withdrawn, taken.has_errors) == (0, True)
        assert ids(connection) == ["t-1", "t-2", "t-3", "t-4"]
        assert set(told(connection)) == {
            (FindingKind.SHORTER_FILE, SECOND, None),
            (FindingKind.NOT_TOLD_AGAIN, SECOND, "t-3"),
            (FindingKind.NOT_TOLD_AGAIN, SECOND, "t-4"),
        }
        (not_read,) = unread(connection, "book", DAY, NOW, stale_after=None)
        assert (not_read.kind, not_read.file) == ("shorter_file", SECOND)


def test_half_a_day_that_is_said_to_be_all_of_it_withdraws_the_rest(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        again(connection, tmp_path / SECOND, HALF)
        taken = again(connection, tmp_path / SECOND, HALF, complete=True)

        assert (taken.withdrawn, ids(connection)) == (2, ["t-1", "t-2"])
        assert told(connection) == [withdrawn("t-3"), withdrawn("t-4")]
        # Nobody need say it again.
        assert take(connection, tmp_path / SECOND, HALF).withdrawn == 0
        assert told(connection) == [withdrawn("t-3"), withdrawn("t-4")]


def test_a_file_that_announces_its_lines_is_all_of_its_day(
    engine: Engine, tmp_path: Path
) -> None:
    counted = replace(NAMED, trailer=Trailer(marker="TOTAL", rows=2))
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL + "TOTAL,4\n", counted)
        taken = again(connection, tmp_path / SECOND, HALF + "TOTAL,2\n", rules=counted)

        assert (taken.verdict, taken.withdrawn) == ("imported", 2)
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
def test_a_file_with_any_error_withdraws_nothing_and_its_error_stands(
    engine: Engine, tmp_path: Path, cut: str
) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        taken = again(connection, tmp_path / SECOND, cut, complete=True)

        assert taken.verdict in {"partly", "quarantined"}
        assert (taken.withdrawn, taken.has_errors) == (0, True)
        assert ids(connection) == ["t-1", "t-2", "t-3", "t-4"]
        assert told(connection) != []


def test_further_files_of_a_day_withdraw_nothing_of_each_other(
    engine: Engine, tmp_path: Path
) -> None:
    several = replace(NAMED, several_a_day=True)
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, HEADER + bet(1) + bet(2) + bet(3), several)
        take(connection, tmp_path / SECOND, HEADER + bet(3) + bet(4) + bet(5), several)
        assert ids(connection) == ["t-1", "t-2", "t-3", "t-4", "t-5"]

        # Restated is the file of the same name alone, and what another file tells too stays.
        again(connection, tmp_path / FIRST, HEADER + bet(1) + bet(9), rules=several)
        assert ids(connection) == ["t-1", "t-3", "t-4", "t-5", "t-9"]
        assert told(connection) == [withdrawn("t-2", FIRST)]


def test_what_another_feed_told_too_stays_and_is_told(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        newer = replace(_line(tmp_path, 2), updated_at=NOW, raw=b"pushed")
        store_records(connection, "book", [newer], source="push", received_at=NOW)

        taken = again(connection, tmp_path / SECOND, WITHOUT_2)

        assert (taken.withdrawn, ids(connection)) == (0, ["t-1", "t-2", "t-3", "t-4"])
        assert told(connection) == [(FindingKind.NOT_TOLD_AGAIN, SECOND, "t-2")]


def test_a_line_told_twice_once_is_told_once_afterwards(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, HEADER + bet(1) + bet(2) + bet(2) + bet(3))
        assert ids(connection) == ["t-1", "t-2", "t-2", "t-3"]
        again(connection, tmp_path / SECOND, HEADER + bet(1) + bet(2) + bet(3))
        assert ids(connection) == ["t-1", "t-2", "t-3"]


def test_a_finding_that_a_person_closed_stays_closed(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        again(connection, tmp_path / SECOND, WITHOUT_2)
        (found,) = open_findings(connection)
        resolve(connection, found.id, by="anna: asked them", now=NOW)
        again(connection, tmp_path / SECOND, WITHOUT_2)
        assert told(connection) == []


def test_a_withdrawal_of_a_closed_day_is_a_restatement(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        day = DAY.start.date()
        close_day(connection, "book", day, window=DAY, run_id=None, now=NOW)

        taken = again(connection, tmp_path / SECOND, WITHOUT_2)

        assert taken.restatements == 1
        (one,) = restated(connection, "book", day)
        assert one.before is not None
        assert (one.record_id, one.before.stake, one.after, one.difference) == (
            "t-2",
            500,
            None,
            500,
        )
        assert _restated(connection).evidence["after"] is None

        again(connection, tmp_path / FIRST, ALL)
        assert restated(connection, "book", day) == []
        assert told(connection) == []


def _restated(connection: Connection) -> FeedFinding:
    kind = FindingKind.RESTATED_AFTER_CLOSE
    (found,) = [each for each in open_findings(connection) if each.kind is kind]
    return found


def _run(url: str, *, minutes: int, mode: RunOptions) -> RunResult:
    return reconcile(
        url,
        RunRequest(
            provider="book",
            window=DAY,
            maturity=timedelta(minutes=15),
        ),
        clock=FrozenClock(NOW + timedelta(minutes=minutes)),
        options=mode,
    )


def test_a_round_of_ours_whose_record_was_withdrawn_is_missing_and_the_evidence_says_since_when(
    engine: Engine, database: str, tmp_path: Path
) -> None:
    books = TwoBooks(provider="book")
    for number in range(1, 5):
        books.ours(_line(tmp_path, number).round_id, 500, 0, at=DAY.start)
    books.write(database)
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
    before = _run(database, minutes=0, mode=RunOptions())
    assert before.breaks == ()

    with engine.begin() as connection:
        again(connection, tmp_path / SECOND, WITHOUT_2)
    verified = verify_run(database, before.run_id)
    changes = _run(database, minutes=1, mode=RunOptions(incremental=True))
    whole = _run(database, minutes=1, mode=RunOptions())

    assert (changes.inputs["whole"], whole.inputs["whole"]) == (False, True)
    assert changes.to_json()["breaks"] == whole.to_json()["breaks"]
    (one,) = whole.breaks
    assert (one.kind, one.difference) == ("missing_at_provider", 500)
    (gone,) = one.evidence["withdrawn"]
    assert (gone["record"], gone["told_by"], gone["withdrawn_by"]) == ("t-2", FIRST, SECOND)
    # A run of before is not what its inputs say now, and what changed them is named.
    assert verified.problems == ("the rows of theirs are not those of the run: 1 told since",)
    assert [dict(each)["name"] for side in verified.changed for each in side.named] == ["t-2"]


def _line(tmp_path: Path, number: int) -> HistoryRecord:
    """What a line of these files is read as."""
    path = tmp_path / "one.csv"
    path.write_text(HEADER + bet(number))
    with path.open("rb") as stream:
        (record,) = reader().read(stream, path.name)
    assert isinstance(record, HistoryRecord)
    return record


SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "book"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[providers.statement]
day = '(?P<day>\\d{{4}}-\\d{{2}}-\\d{{2}})'
"""


def test_the_command_says_how_many_are_withdrawn_and_exits_with_a_finding(
    database: str, tmp_path: Path
) -> None:
    settings = tmp_path / "tieout.toml"
    settings.write_text(SETTINGS.format(database=database))
    words = ["--config", str(settings), "--data", str(tmp_path), "feed", "import"]
    words += ["--provider", "book", "--json"]
    told = []
    asked = ((FIRST, ALL), (SECOND, HALF, "--restates"), (SECOND, HALF, "--restates"))
    for name, content, *more in (*asked, (SECOND, HALF, "--restates", "--complete")):
        path = tmp_path / name
        path.write_text(content)
        done = CliRunner().invoke(app, [*words, str(path), *more])
        said = json.loads(done.stdout)
        kinds = sorted({each["kind"] for each in said["findings"]})
        told.append((done.exit_code, said["withdrawn"], kinds))
    shorter = (1, 0, ["not_told_again", "shorter_file"])
    assert told == [(0, 0, []), shorter, shorter, (1, 2, ["withdrawn_record"])]


def test_no_row_about_withdrawals_is_ever_changed(
    engine: Engine, database: str, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        take(connection, tmp_path / FIRST, ALL)
        again(connection, tmp_path / SECOND, WITHOUT_2)
    for table in ("feed_withdrawals", "feed_listed"):
        with psycopg.connect(database) as direct:
            refusal = pytest.raises(psycopg.errors.RestrictViolation, match="append-only")
            with refusal:
                direct.execute(f"DELETE FROM {table}".encode())
