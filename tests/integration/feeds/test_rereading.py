"""The same file under changed settings: its lines are read anew once a person confirms it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Engine, text

from feeds.day_close import close_day
from feeds.finding_kinds import FindingKind
from feeds.findings import open_findings
from feeds.statements.reading.file_format import AmountUnit, FileRules, IdCase
from storage.engine import open_engine
from tests.integration.feeds.test_import import DAY, HEADER, NOW, bet, ids, import_text, kinds

MAJOR = FileRules()
MINOR = FileRules(unit=AmountUnit.MINOR)
FILE = "day.csv"
CONTENT = HEADER + bet(1, amount="500") + bet(2, amount="700")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def stakes(connection: Connection) -> list[int]:
    rows = connection.execute(text("SELECT stake FROM feed_records ORDER BY record_id"))
    return [stake for (stake,) in rows]


def verdict(connection: Connection, name: str = FILE) -> str:
    query = text("SELECT verdict FROM feed_files WHERE name = :name")
    return str(connection.execute(query, {"name": name}).scalar_one())


def test_a_corrected_unit_gives_unchanged_lines_their_right_amounts_once_confirmed(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / FILE
    with engine.connect() as connection:
        import_text(connection, path, CONTENT, MAJOR)
        refused = import_text(connection, path, CONTENT, MINOR)

        assert (refused.verdict, refused.has_errors) == ("quarantined", True)
        assert stakes(connection) == [50000, 70000]
        (finding,) = open_findings(connection)
        assert finding.kind is FindingKind.READ_ANEW
        assert finding.detail == (
            "read anew under changed settings: 2 known records get other values: t-1, reported"
            " by day.csv (stake 500.00, now 5.00); t-2, reported by day.csv (stake 700.00, now"
            " 7.00); if the settings are right, import the file with --restates"
        )

        result = import_text(connection, path, CONTENT, MINOR, restates=True)

        assert (result.verdict, result.count.stored, result.has_errors) == (
            "imported",
            2,
            False,
        )
        assert (stakes(connection), kinds(connection)) == ([500, 700], [])


def test_a_confirmed_reading_is_kept_as_an_event_and_repeating_it_changes_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / FILE
    with engine.connect() as connection:
        import_text(connection, path, CONTENT, MAJOR)
        import_text(connection, path, CONTENT, MINOR, restates=True)
        again = import_text(connection, path, CONTENT, MINOR)

        assert (again.verdict, again.count.stored, again.count.versions) == ("imported", 0, 0)
        query = "SELECT kind FROM feed_findings WHERE resolved_at IS NOT NULL"
        assert "read_anew" in connection.execute(text(query)).scalars().all()
        versions = "SELECT count(*) FROM feed_versions WHERE record_id = 't-1'"
        assert connection.execute(text(versions)).scalar_one() == 2

        import_text(connection, path, CONTENT, MAJOR, restates=True)
        assert stakes(connection) == [50000, 70000]


def test_a_corrected_time_zone_moves_unchanged_lines_also_to_earlier_instants(
    engine: Engine, tmp_path: Path
) -> None:
    content = CONTENT.replace(":00Z", ":00")
    path = tmp_path / FILE
    utc, warsaw = (FileRules(zone=ZoneInfo(name)) for name in ("UTC", "Europe/Warsaw"))
    with engine.connect() as connection:
        import_text(connection, path, content, utc)
        assert import_text(connection, path, content, warsaw).verdict == "quarantined"
        import_text(connection, path, content, warsaw, restates=True)

        query = "SELECT created_at, updated_at FROM feed_records WHERE record_id = 't-1'"
        at = datetime(2026, 3, 1, 9, 1, tzinfo=UTC)
        assert connection.execute(text(query)).one() == (at, at)
        assert kinds(connection) == []


def test_a_corrected_decimal_mark_is_read_anew(engine: Engine, tmp_path: Path) -> None:
    content = HEADER + bet(1, amount="1.500")
    grouped = FileRules(decimal=",", thousands=".")
    with engine.connect() as connection:
        import_text(connection, tmp_path / FILE, content, FileRules())
        import_text(connection, tmp_path / FILE, content, grouped, restates=True)
        assert stakes(connection) == [150000]


def test_a_corrected_case_of_ids_replaces_the_records_and_doubles_none(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / FILE
    upper = FileRules(id_case=IdCase.UPPER)
    with engine.connect() as connection:
        import_text(connection, path, CONTENT, MAJOR)
        refused = import_text(connection, path, CONTENT, upper)
        assert (refused.verdict, ids(connection)) == ("quarantined", ["t-1", "t-2"])
        (finding,) = open_findings(connection)
        assert "2 records have another id now and go: t-1, t-2" in finding.detail

        result = import_text(connection, path, CONTENT, upper, restates=True)

        assert (result.withdrawn, ids(connection)) == (2, ["T-1", "T-2"])
        assert kinds(connection) == []
        again = import_text(connection, path, CONTENT, upper)
        assert (again.count.stored, again.withdrawn) == (0, 0)


def test_records_that_another_file_lists_too_stay_when_ids_change(
    engine: Engine, tmp_path: Path
) -> None:
    several = replace(MAJOR, several_a_day=True)
    upper = replace(several, id_case=IdCase.UPPER)
    with engine.connect() as connection:
        import_text(connection, tmp_path / FILE, CONTENT, several)
        import_text(connection, tmp_path / "b.csv", CONTENT + bet(3), several)
        import_text(connection, tmp_path / FILE, CONTENT, upper, restates=True)
        assert set(ids(connection)) >= {"t-1", "t-2", "t-3"}


def test_a_confirmed_reading_of_a_closed_day_is_a_restatement(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / FILE
    with engine.connect() as connection:
        import_text(connection, path, HEADER + bet(1, amount="500"), MAJOR)
        close_day(connection, "book", DAY.start.date(), window=DAY, run_id=None, now=NOW)
        content = HEADER + bet(1, amount="500")
        result = import_text(connection, path, content, MINOR, restates=True)

        assert result.restatements == 1
        (finding,) = open_findings(connection)
        assert finding.kind is FindingKind.RESTATED_AFTER_CLOSE
        assert finding.difference == 49500


def test_an_earlier_file_under_other_settings_undoes_a_later_one_only_if_it_restates_it(
    engine: Engine, tmp_path: Path
) -> None:
    later = CONTENT.replace("500", "900")
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", CONTENT, MAJOR)
        import_text(connection, tmp_path / "b.csv", later, MAJOR, restates=True)
        assert import_text(connection, tmp_path / "a.csv", CONTENT, MINOR).count.stored == 0
        assert stakes(connection) == [90000, 70000]
        import_text(connection, tmp_path / "a.csv", CONTENT, MINOR, restates=True)
        assert stakes(connection) == [500, 700]


def test_a_file_that_restates_one_with_a_refused_reading_replaces_its_records(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / FILE, CONTENT, MAJOR)
        assert import_text(connection, tmp_path / FILE, CONTENT, MINOR).verdict == "quarantined"
        assert verdict(connection) == "quarantined"

        corrected = HEADER + bet(1, amount="5.00") + bet(3)
        import_text(connection, tmp_path / "b.csv", corrected, MAJOR, restates=True)

        assert ids(connection) == ["t-1", "t-3"]
