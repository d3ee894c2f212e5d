"""Import of a statement file: archived whole, lines stored or not, findings until resolved."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from feeds.finding_kinds import FindingKind
from feeds.findings import findings_in, open_findings, resolve_finding
from feeds.statements.archive import file_parts
from feeds.statements.importer import ImportRequest, ImportResult
from feeds.statements.keep import keep_and_import
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.reader import StatementReader
from providers.contract import Provider
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from storage.engine import open_engine
from tests.harness.currencies import CRYPTO
from vocabulary.errors import Refused
from vocabulary.window import Window

HEADER = ",".join(COLUMNS) + "\n"
NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
NAMED = FileRules(day=re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})"))
DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))


def bet(number: int, *, day: int = 1, amount: str = "5.00") -> str:
    return f"t-{number},bet,alice,USD,{amount},,2026-03-{day:02d}T10:{number:02d}:00Z\n"


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def reader(rules: FileRules = NAMED) -> StatementReader:
    chosen = DIALECTS["sportsbook"]
    options = {key: option.default for key, option in chosen.options.items()}
    provider = Provider(
        slug="book", currency="USD", exponents=CRYPTO, secrets=(b"s",), options=options
    )
    return StatementReader(chosen, provider, rules)


def import_text(
    connection: Connection, path: Path, content: str, rules: FileRules = NAMED, **more: Any
) -> ImportResult:
    path.write_text(content)
    arrival = ImportRequest(path=path, zone=ZoneInfo("UTC"), now=NOW, **more)
    return import_as_the_command(connection, reader(rules), arrival)


def import_as_the_command(
    connection: Connection, statement_reader: StatementReader, request: ImportRequest
) -> ImportResult:
    """Import a file in transactions of its own; the connection's work is committed before."""
    connection.commit()
    return keep_and_import(connection.engine, statement_reader, request)


def kinds(connection: Connection) -> list[FindingKind]:
    return [finding.kind for finding in open_findings(connection)]


def ids(connection: Connection) -> list[str]:
    rows = connection.execute(text("SELECT record_id FROM feed_records ORDER BY record_id"))
    return [record_id for (record_id,) in rows]


def test_an_unreadable_line_is_a_finding_until_other_settings_read_it(
    engine: Engine, tmp_path: Path
) -> None:
    content = HEADER + bet(1) + bet(2, amount='"5,50"')
    path = tmp_path / "2026-03-01.csv"
    with engine.connect() as connection:
        result = import_text(connection, path, content)
        (finding,) = findings_in(connection, "book", DAY)
        later = Window(start=DAY.end, end=NOW)
        assert findings_in(connection, "book", later) == []
        assert (result.verdict, ids(connection)) == ("partly", ["t-1"])
        assert (finding.kind, finding.file, finding.line) == (
            FindingKind.UNPARSABLE_RECORD,
            "2026-03-01.csv",
            3,
        )

        corrected = import_text(connection, path, content, replace(NAMED, decimal=","))
        assert (corrected.verdict, corrected.count.stored) == ("partly", 1)
        assert [open_finding.line for open_finding in open_findings(connection)] == [2]


def test_all_or_nothing_stores_no_line_and_archives_every_byte(
    engine: Engine, tmp_path: Path
) -> None:
    content = HEADER + bet(1) + "torn,line\n"
    with engine.connect() as connection:
        result = import_text(
            connection, tmp_path / "2026-03-01.csv", content, replace(NAMED, whole=True)
        )
        assert (result.verdict, result.count.stored, ids(connection)) == ("quarantined", 0, [])
        assert b"".join(file_parts(connection, result.file_id)) == content.encode()


def test_a_second_file_of_a_day_is_quarantined_until_it_restates_the_first(
    engine: Engine, tmp_path: Path
) -> None:
    second = HEADER + bet(1, amount="7.00")
    with engine.connect() as connection:
        import_text(connection, tmp_path / "2026-03-01.csv", HEADER + bet(1))
        refused = import_text(connection, tmp_path / "again-2026-03-01.csv", second)
        assert refused.verdict == "quarantined"
        assert kinds(connection) == [FindingKind.TWO_FILES_FOR_ONE_DAY]

        path = tmp_path / "again-2026-03-01.csv"
        assert import_text(connection, path, second, restates=True).verdict == "imported"
        assert kinds(connection) == []
        stake = connection.execute(text("SELECT stake FROM feed_records")).scalar_one()
        assert stake == 700


def test_a_web_page_is_a_finding_that_a_person_can_resolve(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        result = import_text(connection, tmp_path / "day.csv", "<html>503 try later</html>\n")
        assert (result.verdict, kinds(connection)) == (
            "quarantined",
            [FindingKind.NOT_A_STATEMENT],
        )
        (finding,) = findings_in(connection, "book", DAY)  # of an unknown time: in every window
        resolve_finding(connection, finding.id, by="ann: fetched again", now=NOW)
        with pytest.raises(Refused, match="is open"):
            resolve_finding(connection, finding.id, by="ann", now=NOW)
        import_text(connection, tmp_path / "day.csv", "<html>503 try later</html>\n")
        assert kinds(connection) == []


def test_a_day_without_a_file_is_a_gap_that_the_late_file_closes(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        first, third = (tmp_path / f"2026-03-0{day}.csv" for day in (1, 3))
        import_text(connection, first, HEADER + bet(1), expects_daily=True)
        result = import_text(connection, third, HEADER + bet(3, day=3), expects_daily=True)
        assert (result.gaps, kinds(connection)) == (1, [FindingKind.FEED_GAP])
        (gap,) = open_findings(connection)
        assert gap.covers is not None
        assert gap.covers.start.date() == date(2026, 3, 2)

        path = tmp_path / "2026-03-02.csv"
        closed = import_text(connection, path, HEADER + bet(2, day=2), expects_daily=True)
        assert (closed.gaps, kinds(connection)) == (0, [])


def test_a_missing_sequence_number_is_a_gap(engine: Engine, tmp_path: Path) -> None:
    rules = FileRules(number=re.compile(r"_(?P<number>\d+)\."), several_a_day=True)
    with engine.connect() as connection:
        for number in (7, 10):
            import_text(connection, tmp_path / f"a_{number}.csv", HEADER + bet(number), rules)
        (gap,) = open_findings(connection)
        assert gap.detail == "files number 8 to 9 are missing"


def test_a_new_record_of_an_earlier_day_is_late(engine: Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / "2026-03-01.csv", HEADER + bet(1))
        content = HEADER + bet(2) + bet(3, day=2)
        result = import_text(connection, tmp_path / "2026-03-02.csv", content)
        assert (result.count.late, result.count.late_ids) == (1, ("t-2",))
        assert kinds(connection) == []
        late = "SELECT record_id FROM feed_findings WHERE kind = 'late_record'"
        assert connection.execute(text(late)).scalars().all() == ["t-2"]


def test_a_repeated_id_is_a_warning_and_both_lines_are_kept(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        content = HEADER + bet(1) + bet(1, amount="6.00")
        result = import_text(connection, tmp_path / "2026-03-01.csv", content)
        assert (result.verdict, result.has_errors) == ("imported", False)
        assert kinds(connection) == [FindingKind.DUPLICATED_KEY]
        assert ids(connection) == ["t-1", "t-1"]


def tables(connection: Connection) -> tuple[list[Any], list[Any]]:
    records = """
    SELECT record_id, occurrence, round_id, match_key, handle, currency, stake, payout,
           rolled_back, created_at, updated_at FROM feed_records ORDER BY record_id, occurrence
    """
    versions = "SELECT record_id, content, raw FROM feed_versions ORDER BY record_id, content"
    first, second = (connection.execute(text(query)).all() for query in (records, versions))
    return [tuple(row) for row in first], [tuple(row) for row in second]


_EMPTY = """
SET LOCAL session_replication_role = replica;
TRUNCATE feed_records, feed_versions, feed_superseded, feed_files, feed_file_parts,
         feed_file_records, feed_withdrawals, feed_findings CASCADE
"""


def forget_history(connection: Connection) -> None:
    """Begin anew: an import commits, and its tables are kept by triggers otherwise."""
    connection.rollback()
    connection.execute(text(_EMPTY))
    connection.commit()


AMOUNTS = st.sampled_from(["5.00", "6.00"])
LINES = st.lists(
    st.tuples(st.integers(0, 9), AMOUNTS), unique_by=lambda line: line[0], min_size=1
)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lines=LINES, data=st.data())
def test_lines_in_any_order_split_and_repetition_give_the_same_tables(
    engine: Engine, tmp_path: Path, lines: list[tuple[int, str]], data: st.DataObject
) -> None:
    rules = FileRules(several_a_day=True)
    rows = [bet(number, amount=amount) for number, amount in lines]
    with engine.connect() as connection:
        forget_history(connection)
        import_text(connection, tmp_path / "whole.csv", HEADER + "".join(rows), rules)
        whole = tables(connection)
        forget_history(connection)

        shuffled = data.draw(st.permutations(rows))
        cut = data.draw(st.integers(0, len(rows)))
        again = data.draw(st.lists(st.sampled_from(rows), unique=True))
        parts = [part for part in (shuffled[:cut], shuffled[cut:], again, again) if part]
        for number, part in enumerate(parts):
            import_text(connection, tmp_path / f"{number}.csv", HEADER + "".join(part), rules)
        assert tables(connection) == whole


def test_lines_with_repeated_ids_may_be_in_any_order(engine: Engine, tmp_path: Path) -> None:
    rows = [bet(1), bet(1, amount="6.00"), bet(1), bet(2)]
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", HEADER + "".join(rows))
        first = tables(connection)
        forget_history(connection)
        import_text(connection, tmp_path / "a.csv", HEADER + "".join(reversed(rows)))
        assert tables(connection) == first
