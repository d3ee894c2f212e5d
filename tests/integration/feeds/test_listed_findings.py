"""At most twenty findings of one cause are listed; a corrected file ends those of another."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from feeds.finding_kinds import FindingKind
from feeds.findings import open_findings
from feeds.statements.reading.file_format import FileRules
from ops.cli import app
from storage.engine import open_engine
from tests.integration.feeds.test_import import HEADER, bet, ids, import_text, kinds
from tests.integration.feeds.test_restating_command import SETTINGS
from vocabulary.errors import Refused

ANY_NAME = FileRules()


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def test_twenty_findings_of_one_cause_are_listed_and_the_others_counted(
    engine: Engine, tmp_path: Path
) -> None:
    broken = "".join(bet(n, amount="ten") for n in range(10, 50))
    short = "torn,line\n"
    with engine.connect() as connection:
        content = HEADER + bet(1) + broken + short
        result = import_text(connection, tmp_path / "a.csv", content, ANY_NAME)

        assert (result.verdict, result.refused) == ("partly", 41)
        findings = open_findings(connection)
        assert {finding.kind for finding in findings} == {FindingKind.UNPARSABLE_RECORD}
        lines = [finding.line for finding in findings if finding.line is not None]
        assert lines == [*range(3, 23), 43]
        (rest,) = [finding for finding in findings if finding.line is None]
        assert rest.detail.startswith("and 20 more with the same cause, the last in line 42")
        assert rest.evidence == {"more": 20, "first_line": 3, "last_line": 42}
        refused = text("SELECT refused FROM feed_files")
        assert connection.execute(refused).scalar_one() == 41

        # The same file again makes the same findings.
        import_text(connection, tmp_path / "a.csv", content, ANY_NAME)
        again = [finding.id for finding in open_findings(connection)]
        assert again == [finding.id for finding in findings]


def test_a_hundred_thousand_lines_of_another_format_are_few_findings(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        path = tmp_path / "a.csv"
        result = import_text(connection, path, HEADER + "x\n" * 100_000, ANY_NAME)
        assert result.refused == 100_000
        assert len(open_findings(connection)) == 21


def test_repeated_ids_are_listed_twenty_times_and_counted(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [bet(n, amount=amount) for n in range(10, 40) for amount in ("5.00", "6.00")]
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", HEADER + "".join(rows), ANY_NAME)
        findings = open_findings(connection)
        assert len(findings) == 21
        assert "and 10 more ids that the file has in several lines" in {
            finding.detail for finding in findings
        }


def test_a_corrected_file_of_another_name_ends_the_findings_of_the_one_it_replaces(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        page = import_text(connection, tmp_path / "a.csv", "<html>503</html>\n", ANY_NAME)
        assert kinds(connection) == [FindingKind.NOT_A_STATEMENT]
        content = HEADER + bet(1) + bet(5, day=2)

        path = tmp_path / "corrected.csv"
        result = import_text(connection, path, content, ANY_NAME, replaces=(page.file_id,))

        assert (result.verdict, ids(connection)) == ("imported", ["t-1", "t-5"])
        assert kinds(connection) == []
        # It need not be said again.
        assert import_text(connection, path, content, ANY_NAME).verdict == "imported"
        assert kinds(connection) == []


def test_records_missing_from_the_file_that_replaces_another_are_withdrawn(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        first = import_text(
            connection, tmp_path / "a.csv", HEADER + bet(1) + bet(2) + bet(3), ANY_NAME
        )
        content = HEADER + bet(1, amount="9.00") + bet(3) + bet(5, day=2)
        path = tmp_path / "b.csv"
        result = import_text(connection, path, content, ANY_NAME, replaces=(first.file_id,))
        assert (result.withdrawn, ids(connection)) == (1, ["t-1", "t-3", "t-5"])
        assert kinds(connection) == [FindingKind.WITHDRAWN_RECORD]


def test_a_damaged_file_ends_no_finding_of_the_one_it_is_to_replace(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        page = import_text(connection, tmp_path / "a.csv", "<html>503</html>\n", ANY_NAME)
        content = HEADER + bet(1) + "torn,line\n"
        import_text(connection, tmp_path / "b.csv", content, ANY_NAME, replaces=(page.file_id,))
        assert set(kinds(connection)) == {
            FindingKind.NOT_A_STATEMENT,
            FindingKind.UNPARSABLE_RECORD,
        }


def test_a_file_replaces_neither_itself_nor_one_that_does_not_exist(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    with engine.connect() as connection:
        first = import_text(connection, path, HEADER + bet(1), ANY_NAME)
    for number in (first.file_id, 12345):
        with engine.connect() as connection, pytest.raises(Refused, match=str(number)):
            import_text(connection, path, HEADER + bet(1), ANY_NAME, replaces=(number,))


def test_the_command_takes_the_number_that_an_import_printed(
    database: str, tmp_path: Path
) -> None:
    settings = tmp_path / "tieout.toml"
    settings.write_text(SETTINGS.format(database=database))
    words = ["--config", str(settings), "--data", str(tmp_path), "feed", "import"]
    words += ["--provider", "book", "--json"]
    (tmp_path / "a.csv").write_text(HEADER + bet(1, amount="ten") * 30)
    (tmp_path / "b.csv").write_text(HEADER + bet(1))

    damaged = CliRunner().invoke(app, [*words, str(tmp_path / "a.csv")])
    printed = json.loads(damaged.stdout)
    assert (printed["refused"], len(printed["unreadable"])) == (30, 20)
    number = str(printed["file_id"])
    replaced = CliRunner().invoke(app, [*words, str(tmp_path / "b.csv"), "--replaces", number])
    assert (replaced.exit_code, json.loads(replaced.stdout)["verdict"]) == (0, "imported")
    unknown = CliRunner().invoke(app, [*words, str(tmp_path / "b.csv"), "--replaces", "999"])
    assert unknown.exit_code == 2
