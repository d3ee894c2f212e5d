"""Compressed files, JSON arrays, and files that would take any memory or time."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.line_summary import LineSummary
from feeds.statements.listed_findings import LISTED_MAX
from feeds.statements.reading.confined.limits import ReadLimits
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.read_file import read_file, read_sample
from providers.sportsbook.feed import COLUMNS
from tests.unit.feeds.statement_files import (
    BET,
    HEADER,
    PLAIN,
    WIN,
    Lines,
    ids,
    one_bet,
    problems,
    read,
    row,
    statement_reader,
    values,
    workbook,
)

CSV = (HEADER + BET + WIN).encode()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def read_apart(folder: Path, data: bytes, name: str, rules: FileRules = PLAIN) -> Lines:
    path = folder / "file"
    path.write_bytes(data)
    with path.open("rb") as stream:
        return list(read_file(statement_reader(rules), stream, name))


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (gzip.compress(CSV), "day.csv.gz"),
        (bz2.compress(CSV), "day.csv.bz2"),
        (lzma.compress(CSV), "day.csv.xz"),
        (zipped(**{"day.csv": CSV}), "day.zip"),
        (zipped(**{"day.csv": CSV, "__MACOSX/._day.csv": b"x", "folder/": b""}), "day.zip"),
        (
            zipped(
                **{
                    "day.xlsx": workbook(
                        row(1, COLUMNS), row(2, values(BET)), row(3, values(WIN))
                    )
                }
            ),
            "day.zip",
        ),
        (gzip.compress(CSV), "day"),
    ],
)
def test_a_packed_file_is_read_like_the_file_in_it(
    tmp_path: Path, data: bytes, name: str
) -> None:
    assert ids(read(data, name)) == ["t-1", "t-2"]
    assert ids(read_apart(tmp_path, data, name)) == ["t-1", "t-2"]


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (gzip.compress(CSV)[:-6], FindingKind.TRUNCATED_FILE, "broken or cut"),
        (gzip.compress(CSV)[:-5] + b"xxxxx", FindingKind.TRUNCATED_FILE, "broken or cut"),
        (bz2.compress(CSV)[:-6], FindingKind.TRUNCATED_FILE, "broken or cut"),
        (lzma.compress(CSV)[:-9], FindingKind.TRUNCATED_FILE, "broken or cut"),
        (zipped(a=CSV, b=CSV), FindingKind.NOT_A_STATEMENT, "it has 2: unpack it"),
        (zipped(mimetype=b"x"), FindingKind.NOT_A_STATEMENT, "OpenDocument"),
        (zipped(**{"xl/workbook.bin": b"x"}), FindingKind.TRUNCATED_FILE, "broken or cut"),
        (gzip.compress(gzip.compress(CSV)), FindingKind.NOT_A_STATEMENT, "unpack it"),
        (b"%PDF-1.7\n", FindingKind.NOT_A_STATEMENT, "a PDF"),
        (b"(\xb5/\xfd....", FindingKind.NOT_A_STATEMENT, "zstd"),
        (b"7z\xbc\xaf\x27\x1c", FindingKind.NOT_A_STATEMENT, "7z"),
        (b"Rar!\x1a\x07", FindingKind.NOT_A_STATEMENT, "RAR"),
        (b"PK\x05\x06" + bytes(18), FindingKind.NOT_A_STATEMENT, "an empty ZIP"),
        (gzip.compress(parquet(a=["x"])), FindingKind.NOT_A_STATEMENT, "unpack it"),
    ],
)
def test_a_packed_file_that_is_not_read_is_one_finding(
    data: bytes, kind: FindingKind, expected: str
) -> None:
    ((line, problem_kind, reason),) = problems(read(data, "day"))

    assert (line, problem_kind) == (1, kind)
    assert expected in reason


def test_an_encrypted_archive_is_a_finding() -> None:
    data = bytearray(zipped(**{"day.csv": CSV}))
    data[data.find(b"PK\x01\x02") + 8] |= 1

    ((_, kind, reason),) = problems(read(bytes(data), "day.zip"))
    assert kind is FindingKind.NOT_A_STATEMENT
    assert "encrypted" in reason


def bet(number: int) -> dict[str, object]:
    return {**dict(zip(COLUMNS, values(BET), strict=True)), "transaction_id": f"t-{number}"}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_a_json_array_is_read_item_by_item(indent: int | None, encoding: str) -> None:
    text = json.dumps([bet(number) for number in range(2_000)], indent=indent)
    rules = FileRules(encoding=encoding.removesuffix("-sig"))

    lines = read(text.encode(encoding), "day.json", rules)

    assert ids(lines) == [f"t-{number}" for number in range(2_000)]
    assert problems(lines) == []


@pytest.mark.parametrize(
    ("text", "read_ids", "line", "kind"),
    [
        (json.dumps([bet(1), bet(2)])[:-1], ["t-1", "t-2"], 2, FindingKind.TRUNCATED_FILE),
        (json.dumps([bet(1), bet(2)])[:-9], ["t-1"], 2, FindingKind.TRUNCATED_FILE),
        (json.dumps([bet(1), 7, bet(2)]), ["t-1", "t-2"], 2, FindingKind.UNPARSABLE_RECORD),
        ("[" * 100_000, [], 1, FindingKind.UNPARSABLE_RECORD),
        (json.dumps([bet(1)]) + "x", ["t-1"], 1, FindingKind.TRUNCATED_FILE),
        (json.dumps(bet(1), indent=1), [], 1, FindingKind.NOT_A_STATEMENT),
        ("a,b\n1,2\n", [], 1, FindingKind.NOT_A_STATEMENT),
    ],
)
def test_damaged_json_is_one_finding(
    text: str, read_ids: list[str], line: int, kind: FindingKind
) -> None:
    lines = read(text, "day.json")

    assert ids(lines) == read_ids
    assert [(number, problem_kind) for number, problem_kind, _ in problems(lines)] == [
        (line, kind)
    ]


def bomb_of_texts() -> bytes:
    """A small workbook whose shared texts are huge."""
    texts = "<si><t>" + "x" * 1_000 + "</t></si>"
    start = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    relation = (
        '<Relationship Id="rId9" Target="sharedStrings.xml" Type="http://schemas.openxml'
        'formats.org/officeDocument/2006/relationships/sharedStrings"/>'
    )
    parts = {"xl/sharedStrings.xml": start + texts * 100_000 + "</sst>"}
    return workbook(row(1, COLUMNS), parts=parts, relations=relation)


def bomb_of_parquet() -> bytes:
    """A small Parquet file with one huge text many times."""
    text = pa.array(["x" * 1_000_000] * 200)
    return parquet(**dict.fromkeys(COLUMNS, text))


@pytest.mark.parametrize(
    ("bomb", "sound"),
    [
        (bomb_of_texts, one_bet()),
        (bomb_of_parquet, parquet(**{name: [value] for name, value in bet(1).items()})),
    ],
)
def test_a_small_file_that_needs_much_memory_is_a_finding(
    tmp_path: Path, bomb: Callable[[], bytes], sound: bytes
) -> None:
    rules = FileRules(limits=ReadLimits(memory_bytes=48 << 20))

    lines = read_apart(tmp_path, bomb(), "day", rules)

    ((_, kind, reason),) = problems(lines)
    assert kind is FindingKind.LIMIT_EXCEEDED
    assert "limits.memory_bytes" in reason
    assert ids(lines) == []
    assert ids(read_apart(tmp_path, sound, "day", rules)) == ["t-1"]


def test_a_file_that_takes_too_long_is_a_finding(tmp_path: Path) -> None:
    rules = FileRules(limits=ReadLimits(seconds=1))
    rows = "<row>" + "<c/>" * 100 + "</row>"

    lines = read_apart(tmp_path, workbook(row(1, COLUMNS), rows * 100_000), "day", rules)

    ((_, kind, reason),) = problems(lines)
    assert kind is FindingKind.LIMIT_EXCEEDED
    assert "limits.seconds" in reason


def test_an_unpacked_size_over_the_limit_is_a_finding(tmp_path: Path) -> None:
    rules = FileRules(limits=ReadLimits(unpacked_bytes=1_000))

    lines = read_apart(
        tmp_path, gzip.compress(HEADER.encode() + BET.encode() * 100), "d", rules
    )

    ((_, kind, reason),) = problems(lines)
    assert kind is FindingKind.LIMIT_EXCEEDED
    assert "limits.unpacked_bytes" in reason


def test_a_sample_of_a_workbook_is_taken_in_the_child(tmp_path: Path) -> None:
    path = tmp_path / "day.xlsx"
    path.write_bytes(one_bet())

    with path.open("rb") as stream:
        sample = read_sample(statement_reader(), stream, path.name)

    assert (sample.header, sample.header_line, len(sample.rows)) == (COLUMNS, 1, 1)
    assert ids(list(sample.lines)) == ["t-1"]


def test_lines_of_one_cause_are_listed_up_to_a_limit_and_then_counted() -> None:
    bad = BET.replace("10.00", "ten")
    lines = LineSummary("day.csv")

    records = list(lines.records(read(HEADER + bad * 1_000 + "a,b\n" + BET)))

    assert len(records) == 1
    *listed, rest = lines.findings
    assert lines.findings.count == 1_001
    assert len(listed) == LISTED_MAX + 1
    assert rest.evidence == {"more": 980, "first_line": 2, "last_line": 1_001}
    assert rest.detail.startswith("and 980 more with the same cause, the last in line 1001; ")
