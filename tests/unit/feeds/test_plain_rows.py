"""Rows that are read column by column: which they are, and that it changes nothing."""

import csv
import io
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.staged_rows import StagedRows
from feeds.statements.reading.confined.limits import ReadLimits
from feeds.statements.reading.file_format import AmountUnit, FileRules, IdCase, Trailer
from feeds.statements.reading.plain.rows import BLOCK_ROWS
from providers.sportsbook.feed import COLUMNS
from tests.harness.staged_lines import plain_count, read_both_ways
from tests.unit.feeds.statement_files import HEADER, PLAIN, statement_reader
from vocabulary.ids import match_key, match_keys

LINES = 2 * BLOCK_ROWS + 7
DAY = datetime(2026, 6, 4, tzinfo=UTC)


def row(number: int) -> list[str]:
    at = f"2026-06-04T{number % 24:02d}:30:{number % 60:02d}Z"
    action = "result" if number % 3 else "bet"
    return [f"t-{number}", action, f"user-{number % 7}", "USD", f"{number}.50", "", at]


def file_of(rows: Sequence[Sequence[str]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    return out.getvalue().encode()


def test_all_rows_of_a_usual_file_are_plain() -> None:
    data = file_of([row(number) for number in range(LINES)])

    assert plain_count(statement_reader(), data, "day.csv") == LINES


def test_what_is_read_together_is_what_is_read_singly() -> None:
    rows = [row(number) for number in range(LINES)]
    rows[3][4] = "ten"
    rows[BLOCK_ROWS][6] = "2026-02-30T00:00:00Z"
    rows[BLOCK_ROWS + 1][0] = "t\\1"
    rows[BLOCK_ROWS + 2][2] = 'say "hi",\nthere'
    rows[-2][1:6:4] = ["rollback", "t-1"]
    reader, data = statement_reader(), file_of(rows)

    singly, together = read_both_ways(reader, data, "day.csv")

    assert singly == together
    assert len(singly[1]) == 3
    assert plain_count(reader, data, "day.csv") > LINES - 20


@pytest.mark.parametrize(
    ("rules", "changes"),
    [
        (FileRules(delimiter=";", decimal=",", thousands="."), {4: "1.234,50"}),
        (FileRules(unit=AmountUnit.MINOR), {4: "1050"}),
        (FileRules(actions={"W": "result"}), {1: "W"}),
        (FileRules(id_case=IdCase.LOWER), {0: "T-1"}),
        (FileRules(dates="%d.%m.%Y %H:%M", zone=ZoneInfo("UTC")), {6: "04.06.2026 09:30"}),
        (FileRules(null_text=("NULL",)), {5: "NULL"}),
        (FileRules(), {0: '="1001"'}),
        (FileRules(), {4: "7"}),
        (FileRules(), {6: "2026-06-04T09:30:00.250+02:00"}),
    ],
)
def test_declared_formats_are_plain(rules: FileRules, changes: dict[int, str]) -> None:
    values = row(1)
    for place, value in changes.items():
        values[place] = value
    reader, data = statement_reader(rules), file_of([values], rules.delimiter)

    singly, together = read_both_ways(reader, data, "day.csv")

    assert singly == together
    assert singly[1] == []
    assert plain_count(reader, data, "day.csv") == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, ""), (0, "x" * 129), (1, "rollback"), (3, "usd"), (4, ""), (4, "1.505"), (5, "t-0")],
)
def test_other_rows_are_left_to_the_reader_of_rows(place: int, value: str) -> None:
    values = row(1)
    values[place] = value
    reader, data = statement_reader(), file_of([values])

    singly, together = read_both_ways(reader, data, "day.csv")

    assert singly == together
    assert plain_count(reader, data, "day.csv") == 0


def test_a_trailer_sums_plain_rows_too() -> None:
    rules = FileRules(trailer=Trailer(marker="END", rows=2, total=3, of="amount"))
    rows = [row(number) for number in range(LINES)]
    total = sum(Decimal(values[4]) for values in rows)
    reader = statement_reader(rules)
    sound = file_of(rows) + f"END,{LINES},{total}\n".encode()
    wrong = file_of(rows) + f"END,{LINES},{total + 1}\nt-x,bet,1,USD,1.00,,{DAY}\n".encode()

    assert plain_count(reader, sound, "day.csv") >= BLOCK_ROWS
    for data, count in ((sound, 0), (wrong, 2)):
        singly, together = read_both_ways(reader, data, "day.csv")
        assert singly == together
        assert len(singly[1]) == count


@pytest.mark.parametrize("limits", [ReadLimits(rows=1_500), ReadLimits(cells=7 * 1_500)])
def test_limits_end_reading_at_the_same_row(limits: ReadLimits) -> None:
    reader = statement_reader(FileRules(limits=limits))

    singly, together = read_both_ways(
        reader, file_of([row(number) for number in range(LINES)]), "day.csv"
    )

    assert singly == together
    assert singly[0].total() == 1_500


def test_typed_columns_of_parquet_are_plain() -> None:
    rows = [row(number) for number in range(20)]
    columns = {name: [values[at] for values in rows] for at, name in enumerate(COLUMNS)}
    typed = pa.table(
        {
            **columns,
            "amount": pa.array([Decimal(values[4]) for values in rows], pa.decimal128(18, 2)),
            "rollback_transaction_id": pa.array([None] * 20, pa.string()),
            "created_at": pa.array([DAY] * 20, pa.timestamp("us", tz="UTC")),
        }
    )
    for table in (typed, pa.table(columns)):
        out = io.BytesIO()
        pq.write_table(table, out)
        singly, together = read_both_ways(statement_reader(), out.getvalue(), "day.parquet")
        assert singly == together
        assert plain_count(statement_reader(), out.getvalue(), "day.parquet") == 20


def test_long_rows_are_not_held_together() -> None:
    lines = "".join(",".join(row(number)) + f",{'x' * 60_000}\n" for number in range(300))
    data = (HEADER[:-1] + ",note\n" + lines).encode()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()

    count = plain_count(statement_reader(), data, "day.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 300
    assert peak - before < 2 * len(data)


def test_a_long_value_is_no_plain_one() -> None:
    values = row(1)
    values[1] = "bet" + " " * 300

    assert plain_count(statement_reader(), file_of([values]), "day.csv") == 0


def test_plain_rows_are_summarized() -> None:
    data = (HEADER + ",".join(row(3)) + "\n" + ",".join(row(1)) + "\n").encode()

    (staged,) = statement_reader(PLAIN).read(io.BytesIO(data), "day.csv", for_stage=True)

    assert isinstance(staged, StagedRows)
    assert (staged.count, staged.currencies) == (2, {"USD": 2})
    assert staged.first.isoformat() == "2026-06-04T01:30:01+00:00"
    assert staged.last.isoformat() == "2026-06-04T03:30:03+00:00"


def test_match_keys_are_those_of_single_rounds() -> None:
    ids = ["t-1", "", "r\xf6und", "x" * 300]

    assert match_keys("book", ids) == tuple(match_key("book", id_) for id_ in ids)
