"""Mutants of good statement files: bytes changed, cut, doubled, lost or moved, from a seed.

``python -m tests.harness.statement_mutants 2000`` reads as many mutants of each format as an
import does: no error may leave the reader, every file gives a record or a finding, none may
take longer than a limit, and reading column by column gives the same as reading row by row.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.statements.reading.confined.limits import ReadLimits
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.read_file import read_file, read_for_stage
from feeds.statements.reading.table import UnreadableRow
from providers.sportsbook.feed import COLUMNS
from tests.harness.staged_lines import stored_lines
from tests.unit.feeds.statement_files import statement_reader

#: Records of a good file.
RECORDS = 12
#: Longest time for one mutant, in seconds.
SECONDS_MAX = 30
LIMITS = ReadLimits(seconds=10, rows=100_000)

_NOTE = 'say "hi",\nthen;go'
_START = datetime(2026, 6, 4, 9, tzinfo=UTC)


@dataclass(slots=True)
class Outcome:
    """What became of the mutants of one format.

    Attributes:
        refused: mutants with a finding.
        failures: the seed of a mutant and what went wrong with it.
    """

    mutants: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)


def rows() -> list[list[str]]:
    """The records of a good file, as text."""
    return [
        [
            f"t-{number}",
            "result" if number % 3 else "bet",
            f"player-{number % 4}",
            "USD",
            f"{number}.50",
            "",
            (_START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        ]
        for number in range(RECORDS)
    ]


def csv_file(encoding: str = "utf-8") -> bytes:
    """A CSV file with an ignored column of free text."""
    quoted = '"' + _NOTE.replace('"', '""') + '"'
    lines = [",".join([*COLUMNS, "note"])]
    lines += [",".join([*row, quoted]) for row in rows()]
    return ("\n".join(lines) + "\n").encode(encoding)


def objects() -> list[dict[str, object]]:
    """The records of a good file, as JSON objects."""
    return [{**dict(zip(COLUMNS, row, strict=True)), "note": _NOTE} for row in rows()]


def json_lines() -> bytes:
    """A file of JSON lines."""
    return "".join(json.dumps(item) + "\n" for item in objects()).encode()


def workbook() -> bytes:
    """A workbook with shared texts, numbers and dates."""
    book = openpyxl.Workbook()
    book.active.append(COLUMNS)
    for row in rows():
        at = datetime.fromisoformat(row[-1]).replace(tzinfo=None)
        book.active.append([*row[:4], float(Decimal(row[4])), None, at])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def stored_workbook() -> bytes:
    """The same, not compressed, so that mutants reach its XML."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook())) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    return out.getvalue()


def parquet() -> bytes:
    """A Parquet file with typed columns."""
    table = rows()
    columns = {
        name: [row[place] or None for row in table] for place, name in enumerate(COLUMNS)
    }
    amounts = pa.array([Decimal(row[4]) for row in table], pa.decimal128(18, 2))
    nothing = pa.array([None] * len(table), pa.string())
    out = io.BytesIO()
    pq.write_table(
        pa.table({**columns, "amount": amounts, "rollback_transaction_id": nothing}), out
    )
    return out.getvalue()


def zipped() -> bytes:
    """A ZIP archive with one CSV file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("day.csv", csv_file())
    return out.getvalue()


#: A name of a good file to its content; the name's end tells the format.
FORMATS: Mapping[str, Callable[[], bytes]] = {
    "utf-8.csv": csv_file,
    "utf-16.csv": lambda: csv_file("utf-16"),
    "lines.jsonl": json_lines,
    "array.json": lambda: json.dumps(objects()).encode(),
    "packed.xlsx": workbook,
    "stored.xlsx": stored_workbook,
    "day.parquet": parquet,
    "day.csv.gz": lambda: gzip.compress(csv_file()),
    "day.csv.bz2": lambda: bz2.compress(csv_file()),
    "day.csv.xz": lambda: lzma.compress(csv_file()),
    "day.zip": zipped,
}


def rules_of(name: str) -> FileRules:
    """The rules by which the good file is read without a finding."""
    encoding = "utf-16" if name.startswith("utf-16") else "utf-8"
    return FileRules(encoding=encoding, zone=ZoneInfo("UTC"), limits=LIMITS)


def mutant(data: bytes, seed: int, count: int) -> bytes:
    """One mutant; seeds below ``count`` spread over all regions of the file."""
    rng = random.Random(seed)
    place = min(len(data) - 1, len(data) * (seed % count) // count + rng.randrange(8))
    length = rng.choice((1, 1, 1, 2, 4, 16, 200))
    head, middle, tail = data[:place], data[place : place + length], data[place + length :]
    match rng.randrange(8):
        case 0:
            return head
        case 1:
            return head + tail
        case 2:
            return head + middle * rng.choice((2, 50)) + tail
        case 3:
            return head + rng.randbytes(length) + tail
        case 4:
            return head + bytes(len(middle)) + tail
        case 5:
            return head + b"\xff" * len(middle) + tail
        case 6:
            other = rng.randrange(len(data))
            return head + data[other : other + length] + tail
        case _:
            flipped = bytes(byte ^ (1 << rng.randrange(8)) for byte in middle)
            return head + flipped + tail


def inner_mutant(data: bytes, seed: int, count: int) -> bytes:
    """A packed file with a mutant of one of its parts, packed without damage."""
    if not data.startswith(b"PK"):
        return gzip.compress(mutant(csv_file(), seed, count))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        names = source.namelist()
        chosen = names[seed % len(names)]
        for name in names:
            part = source.read(name)
            target.writestr(name, mutant(part, seed, count) if name == chosen else part)
    return out.getvalue()


def mutants(name: str, count: int, first: int = 0) -> Iterator[tuple[int, bytes]]:
    """Seeds and their mutants; of packed files every other one is damaged inside."""
    data = FORMATS[name]()
    is_packed = data.startswith((b"PK", b"\x1f\x8b"))
    for seed in range(first, first + count):
        make = inner_mutant if is_packed and seed % 2 else mutant
        yield seed, make(data, seed, count)


def read_mutants(name: str, count: int, first: int = 0, *, apart: bool = True) -> Outcome:
    """Read mutants of one format.

    Args:
        name: of the format.
        count: the number of mutants.
        first: the first seed.
        apart: read as an import does, packed files in a child process; else all here.
    """
    outcome, reader = Outcome(), statement_reader(rules_of(name))
    read = partial(read_file, reader) if apart else reader.read
    together = partial(read_for_stage, reader)
    if not apart:
        together = partial(reader.read, for_stage=True)
    for seed, data in mutants(name, count, first):
        outcome.mutants += 1
        began = time.monotonic()
        try:
            with tempfile.TemporaryFile() as file:
                file.write(data)
                file.seek(0)
                lines = list(read(file, name))
                file.seek(0)
                stored = stored_lines(together(file, name))
        except Exception as error:  # noqa: BLE001 - any error is the failure that is looked for
            outcome.failures.append(f"{name} {seed}: {type(error).__name__}: {error}")
            continue
        outcome.refused += any(isinstance(line, UnreadableRow) for line in lines)
        if stored != stored_lines(lines):
            outcome.failures.append(f"{name} {seed}: column by column it is another file")
        if not lines:
            outcome.failures.append(f"{name} {seed}: neither records nor a finding")
        if time.monotonic() - began > SECONDS_MAX:
            outcome.failures.append(f"{name} {seed}: took {time.monotonic() - began:.0f} s")
    return outcome


def main(count: int) -> int:
    """Read ``count`` mutants of each format and print what became of them."""
    failures = []
    for name in FORMATS:
        outcome = read_mutants(name, count)
        print(f"{name}: {outcome.mutants} mutants, {outcome.refused} with a finding")
        failures += outcome.failures
    print("\n".join(failures) or "no failure")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
