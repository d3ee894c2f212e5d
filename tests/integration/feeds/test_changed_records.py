"""Records changed without a newer version, and files named after a day that is not theirs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, Engine, text

from feeds.day_close import close_day
from feeds.finding_kinds import FindingKind
from feeds.findings import open_findings
from feeds.statements.importer import ImportRequest, ImportResult
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.reader import StatementReader
from feeds.statements.trial import try_import
from providers.contract import Provider
from providers.registry import DIALECTS
from storage.engine import open_engine
from tests.harness.currencies import CRYPTO
from tests.harness.providers.api_server import Scripted
from tests.harness.providers.feed_api import NOON, a_round, a_session, listed, script
from tests.integration.feeds.test_import import (
    DAY,
    HEADER,
    NOW,
    bet,
    ids,
    import_as_the_command,
    import_text,
    kinds,
    reader,
)
from tests.integration.feeds.test_pull_xigs import pulled, short_pauses

__all__ = ["short_pauses"]

UNNAMED = FileRules()
PAST_MIDNIGHT = bet(5, day=2)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def stake(connection: Connection, record_id: str = "t-1") -> int:
    query = text("SELECT stake FROM feed_records WHERE record_id = :id")
    return int(connection.execute(query, {"id": record_id}).scalar_one())


def write_csv(path: Path, content: str) -> None:
    path.write_text(content)


def write_parquet(path: Path, content: str) -> None:
    header, *rows = (line.split(",") for line in content.splitlines())
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, header), path)


def imported(connection: Connection, path: Path, *, restates: bool = False) -> ImportResult:
    request = ImportRequest(path=path, zone=ZoneInfo("UTC"), now=NOW, restates=restates)
    return import_as_the_command(connection, reader(UNNAMED), request)


@pytest.mark.parametrize(
    ("ending", "write"), [(".csv", write_csv), (".parquet", write_parquet)]
)
def test_a_line_past_midnight_does_not_let_a_file_rewrite_an_imported_day(
    engine: Engine, tmp_path: Path, ending: str, write: Callable[[Path, str], None]
) -> None:
    first, second = tmp_path / f"first{ending}", tmp_path / f"second{ending}"
    write(first, HEADER + bet(1, amount="10.00") + bet(2))
    write(second, HEADER + bet(1, amount="99.00") + PAST_MIDNIGHT)
    with engine.connect() as connection:
        imported(connection, first)
        result = imported(connection, second)

        assert (result.verdict, result.has_errors) == ("quarantined", True)
        assert (ids(connection), stake(connection)) == (["t-1", "t-2"], 1000)
        (finding,) = open_findings(connection)
        assert finding.kind is FindingKind.CHANGED_RECORD
        assert "t-1, reported by first" in finding.detail
        assert "stake 10.00, now 99.00" in finding.detail
        (record,) = finding.evidence["records"]
        assert (record["before"]["stake"], record["after"]["stake"]) == (1000, 9900)

        assert imported(connection, second, restates=True).verdict == "imported"
        assert (ids(connection), stake(connection)) == (["t-1", "t-2", "t-5"], 9900)
        assert kinds(connection) == []
        assert imported(connection, second).verdict == "imported"
        assert imported(connection, first).count.stored == 0
        assert kinds(connection) == []


def test_a_confirmed_change_of_a_closed_day_is_a_restatement(
    engine: Engine, tmp_path: Path
) -> None:
    content = HEADER + bet(1, amount="99.00") + PAST_MIDNIGHT
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", HEADER + bet(1), UNNAMED)
        close_day(connection, "book", DAY.start.date(), window=DAY, run_id=None, now=NOW)
        refused = import_text(connection, tmp_path / "b.csv", content, UNNAMED)
        assert refused.restatements == 0

        result = import_text(connection, tmp_path / "b.csv", content, UNNAMED, restates=True)

        assert result.restatements == 1
        (finding,) = open_findings(connection)
        assert finding.kind is FindingKind.RESTATED_AFTER_CLOSE
        assert finding.difference == -9400


def test_the_file_of_the_next_day_does_not_rewrite_a_line_of_the_day_before(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / "2026-03-01.csv", HEADER + bet(1))
        content = HEADER + bet(1, amount="99.00") + PAST_MIDNIGHT
        result = import_text(connection, tmp_path / "2026-03-02.csv", content)
        assert (result.verdict, stake(connection)) == ("quarantined", 500)
        assert kinds(connection) == [FindingKind.CHANGED_RECORD]


def test_one_of_several_files_of_a_day_does_not_rewrite_another(
    engine: Engine, tmp_path: Path
) -> None:
    several = FileRules(several_a_day=True)
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", HEADER + bet(1), several)
        content = HEADER + bet(1, amount="99.00") + bet(2)
        result = import_text(connection, tmp_path / "b.csv", content, several)
        assert (result.verdict, stake(connection)) == ("quarantined", 500)
        assert kinds(connection) == [FindingKind.CHANGED_RECORD]


def test_a_line_that_moves_in_time_is_no_newer_version(engine: Engine, tmp_path: Path) -> None:
    moved = bet(1, amount="99.00").replace("T10:01", "T10:31")
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", HEADER + bet(1), UNNAMED)
        path = tmp_path / "b.csv"
        result = import_text(connection, path, HEADER + moved + PAST_MIDNIGHT, UNNAMED)
        assert (result.verdict, stake(connection)) == ("quarantined", 500)


def test_a_repeated_line_with_the_same_figures_is_no_change(
    engine: Engine, tmp_path: Path
) -> None:
    rules = FileRules(columns={"user_id": "player"})
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", HEADER + bet(1) + bet(2), UNNAMED)
        content = (HEADER + bet(1) + PAST_MIDNIGHT).replace("user_id", "player")
        content = content.replace("5.00", "5.000")
        result = import_text(connection, tmp_path / "b.csv", content, rules)
        assert (result.verdict, kinds(connection)) == ("imported", [])


def test_the_text_names_three_changed_records_and_counts_the_rest(
    engine: Engine, tmp_path: Path
) -> None:
    numbers = range(10, 40)
    with engine.connect() as connection:
        first = HEADER + "".join(bet(n) for n in numbers)
        import_text(connection, tmp_path / "a.csv", first, UNNAMED)
        second = HEADER + "".join(bet(n, amount="6.00") for n in numbers) + PAST_MIDNIGHT
        import_text(connection, tmp_path / "b.csv", second, UNNAMED)
        (finding,) = open_findings(connection)
        assert finding.detail.count("reported by a.csv") == 3
        assert "; and 27 more" in finding.detail
        assert (len(finding.evidence["records"]), finding.evidence["count"]) == (20, 30)


def xigs_reader() -> StatementReader:
    dialect = DIALECTS["xigs"]
    options = {key: option.default for key, option in dialect.options.items()}
    provider = Provider(
        slug="book", currency="USD", exponents=CRYPTO, secrets=(b"s",), options=options
    )
    return StatementReader(dialect, provider, FileRules(several_a_day=True))


def xigs_line(prize: str, updated: str) -> str:
    round_ = {
        "roundId": "r-1",
        "userId": "alice",
        "bet": "5.00",
        "prize": prize,
        "status": "closed",
        "createdAt": "2026-03-01T10:00:00Z",
        "updatedAt": updated,
    }
    return json.dumps(round_) + "\n"


@pytest.mark.parametrize(
    ("updated", "verdict"),
    [("2026-03-01T10:00:09Z", "quarantined"), ("2026-03-01T10:05:00Z", "imported")],
)
def test_only_a_later_updated_at_is_a_newer_version(
    engine: Engine, tmp_path: Path, updated: str, verdict: str
) -> None:
    lines = (xigs_line("7.00", "2026-03-01T10:00:09Z"), xigs_line("9.00", updated))
    verdicts = []
    with engine.connect() as connection:
        for number, line in enumerate(lines):
            path = tmp_path / f"{number}.jsonl"
            path.write_text(line)
            request = ImportRequest(path=path, zone=ZoneInfo("UTC"), now=NOW)
            verdicts.append(import_as_the_command(connection, xigs_reader(), request).verdict)
    assert verdicts == ["imported", verdict]


def test_a_pull_that_changes_a_round_without_a_newer_version_is_a_finding(
    engine: Engine,
) -> None:
    def rounds(prize: int) -> dict[str, list[Scripted]]:
        item = a_round(1, prize=prize, updatedAt="2026-06-04T11:51:00Z")
        return script([listed([a_session("s-1", item)])])

    pulled(engine, rounds(40))
    for minutes in (1, 2, 3):
        pulled(engine, rounds(999), now=NOON + timedelta(minutes=minutes))
        with engine.connect() as connection:
            (finding,) = open_findings(connection)
        assert finding.kind is FindingKind.CHANGED_RECORD
        (record,) = finding.evidence["records"]
        assert record["record_id"] == "r-1"
        assert record["before"]["payout"] != record["after"]["payout"]


def test_a_file_named_after_a_day_that_none_of_its_lines_has_is_a_finding(
    engine: Engine, tmp_path: Path
) -> None:
    content = HEADER + bet(1) + bet(3, day=3)
    with engine.connect() as connection:
        path = tmp_path / "2026-03-02.csv"
        result = import_text(connection, path, content, expects_daily=True)
        assert (result.verdict, ids(connection)) == ("quarantined", [])
        (finding,) = open_findings(connection)
        assert (finding.kind, finding.file) == (FindingKind.WRONG_DAY, "2026-03-02.csv")
        assert "no line of the file is of that day" in finding.detail

        confirmed = import_text(connection, path, content, restates=True)
        assert (confirmed.verdict, kinds(connection)) == ("imported", [])


def test_one_line_of_the_day_is_enough_for_its_name(engine: Engine, tmp_path: Path) -> None:
    content = HEADER + bet(1) + bet(2, day=2)
    with engine.connect() as connection:
        result = import_text(connection, tmp_path / "2026-03-02.csv", content)
        assert (result.verdict, kinds(connection)) == ("imported", [])


def test_an_empty_file_has_no_wrong_day(engine: Engine, tmp_path: Path) -> None:
    rules = replace(UNNAMED, may_be_empty=True, day=reader().rules.day)
    with engine.connect() as connection:
        result = import_text(connection, tmp_path / "2026-03-02.csv", HEADER, rules)
        assert (result.verdict, kinds(connection)) == ("imported", [])


def test_a_file_that_restates_what_replaced_it_brings_its_figures_back(
    engine: Engine, tmp_path: Path
) -> None:
    first, second = tmp_path / "2026-03-01.csv", tmp_path / "2026-03-01-b.csv"
    with engine.connect() as connection:
        import_text(connection, first, HEADER + bet(1, amount="10.00") + bet(2))
        import_text(connection, second, HEADER + bet(1, amount="99.00") + bet(2), restates=True)
        assert stake(connection) == 9900

        back = (HEADER + bet(1, amount="10.00") + bet(2), True)
        for content, restates in (back, back):
            import_text(connection, first, content, restates=restates)
            assert (stake(connection), kinds(connection)) == (1000, [])
        assert import_text(connection, first, back[0], restates=True).count.stored == 0


def test_a_new_file_with_figures_that_were_replaced_asks_which_are_right(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", HEADER + bet(1), UNNAMED)
        changed = HEADER + bet(1, amount="99.00") + PAST_MIDNIGHT
        import_text(connection, tmp_path / "b.csv", changed, UNNAMED, restates=True)

        path, content = tmp_path / "c.csv", HEADER + bet(1) + bet(6, day=3)
        result = import_text(connection, path, content, UNNAMED)
        assert (result.verdict, stake(connection)) == ("quarantined", 9900)
        assert kinds(connection) == [FindingKind.CHANGED_RECORD]

        import_text(connection, path, content, UNNAMED, restates=True)
        assert (stake(connection), kinds(connection)) == (500, [])
        assert import_text(connection, path, content, UNNAMED).count.stored == 0


@pytest.mark.parametrize("several", [False, True])
def test_a_replaced_file_of_no_single_day_brings_nothing_back_when_it_is_imported_again(
    engine: Engine, tmp_path: Path, several: bool
) -> None:
    rules = replace(UNNAMED, several_a_day=several)
    with engine.connect() as connection:
        days = HEADER + bet(1) + bet(2) + bet(3, day=2 - several)
        first = import_text(connection, tmp_path / "week.csv", days, rules)
        content, replaces = days.replace(bet(2), ""), (first.file_id,)
        second = import_text(
            connection, tmp_path / "week-b.csv", content, rules, replaces=replaces
        )
        assert ids(connection) == ["t-1", "t-3"]

        again = import_text(connection, tmp_path / "week.csv", days, rules)
        assert (again.verdict, ids(connection)) == ("quarantined", ["t-1", "t-3"])
        assert set(kinds(connection)) == {
            FindingKind.TWO_FILES_FOR_ONE_DAY,
            FindingKind.WITHDRAWN_RECORD,
        }

        replaces = (second.file_id,)
        back = import_text(connection, tmp_path / "week.csv", days, rules, replaces=replaces)
        assert (back.verdict, ids(connection)) == ("imported", ["t-1", "t-2", "t-3"])


def test_a_confirmed_file_moves_records_to_earlier_instants(
    engine: Engine, tmp_path: Path
) -> None:
    earlier = bet(1, amount="99.00").replace("T10:01", "T09:31")
    with engine.connect() as connection:
        import_text(connection, tmp_path / "2026-03-01.csv", HEADER + bet(1) + bet(2))
        path = tmp_path / "2026-03-01-b.csv"
        result = import_text(connection, path, HEADER + earlier + bet(2), restates=True)
        assert (result.verdict, result.count.stored, stake(connection)) == (
            "imported",
            1,
            9900,
        )
        again = import_text(connection, path, HEADER + earlier + bet(2), restates=True)
        assert (again.count.stored, again.count.versions) == (0, 0)


def test_a_pull_that_goes_back_on_a_round_is_stored_with_a_finding(engine: Engine) -> None:
    def pull(prize: int, minutes: int) -> int:
        item = a_round(1, prize=prize, updatedAt="2026-06-04T11:51:00Z")
        answers = script([listed([a_session("s-1", item)])])
        pulled(engine, answers, now=NOON + timedelta(minutes=minutes))
        with engine.connect() as connection:
            query = text("SELECT payout FROM feed_records WHERE record_id = 'r-1'")
            return int(connection.execute(query).scalar_one())

    prizes = (40, 999, 40, 40, 999)
    assert [pull(prize, minutes) for minutes, prize in enumerate(prizes)] == [
        prize * 100 for prize in prizes
    ]
    with engine.connect() as connection:
        assert kinds(connection) == [FindingKind.CHANGED_RECORD] * 3


def test_a_pull_does_not_undo_what_a_person_confirmed(engine: Engine, tmp_path: Path) -> None:
    item = a_round(1, prize=40, updatedAt="2026-06-04T11:51:00Z")
    answers = script([listed([a_session("s-1", item)])])
    pulled(engine, answers)
    path = tmp_path / "0.jsonl"
    fields = {**item, "prize": "9.00", "bet": "2.50"}
    path.write_text(json.dumps(fields) + "\n")
    rules = replace(xigs_reader(), provider=replace(xigs_reader().provider, slug="xigs"))
    request = ImportRequest(path=path, zone=ZoneInfo("UTC"), now=NOON, restates=True)
    with engine.connect() as connection:
        import_as_the_command(connection, rules, request)
    pulled(engine, answers, now=NOON + timedelta(minutes=1))
    with engine.connect() as connection:
        query = text("SELECT payout FROM feed_records WHERE record_id = 'r-1'")
        assert connection.execute(query).scalar_one() == 900
        assert kinds(connection) == []


def test_a_trial_counts_new_and_changed_records_without_withdrawn_ones(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.connect() as connection:
        content = HEADER + bet(1) + bet(2) + bet(3) + bet(4)
        import_text(connection, tmp_path / "2026-03-01.csv", content)
    path = tmp_path / "2026-03-01-b.csv"
    path.write_text(HEADER + bet(1) + bet(4, amount="6.00") + bet(5) + bet(6))
    later = NOW + timedelta(hours=1)
    request = ImportRequest(path=path, zone=ZoneInfo("UTC"), now=later, restates=True)

    trial = try_import(engine, reader(), request)

    assert trial.result.withdrawn == 2
    assert (trial.new, trial.changed, trial.same) == (2, 1, 1)
