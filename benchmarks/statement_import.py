"""Import a statement into a new database, against ``COPY`` of its rows and a bare parse.

    python -m benchmarks.statement_import [--rows N] [--xlsx-rows N] [--formats F ...]

Everything runs on one machine in one go. For each format a statement with unreadable lines and
repeated ids is written and imported into a database that was just created; each contender runs
in a process of its own, so that its peak memory is its own. The floor is the fastest reader of
the format, which only parses the file, plus a ``COPY`` of the stored rows. ``COPY`` runs twice:
into tables with the same keys and indexes as the import fills (records, versions, the file's
list), and into one bare table. The import must have stored every line and every finding.
Processor time is the client's, that of the child that reads for it, and that of its database
process; on a machine that does other things too, its ratio is the steadier one. It counts work
that is done at the same time twice, so it is no ratio of seconds.
"""

import argparse
import csv
import gc
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import text

from benchmarks.bench import cpu_seconds
from feeds.statements.importer import ImportRequest
from feeds.statements.keep import keep_and_import
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.reader import StatementReader
from ops.engines import postgres_server
from ops.engines.data_directory import locked, open_data_directory
from providers.contract import Provider
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from storage.engine import open_engine
from storage.migrate import migrate

START = datetime(2026, 3, 1, tzinfo=UTC)
#: Every so many lines one cannot be read, and every so many one repeats an id.
UNREADABLE_EVERY, REPEATED_EVERY = 5_000, 7_000
FORMATS = ("csv", "parquet", "xlsx")

_RECORD_COLUMNS = (
    "created_at, provider, match_key, stake, payout, stored_no, updated_at, received_at,"
    " occurrence, rolled_back, continues, currency, record_id, round_id, handle, source,"
    " declared_net, balance_before, balance_after, game"
)
_TABLES = {
    "feed_records": _RECORD_COLUMNS,
    "feed_versions": "provider, record_id, updated_at, content, raw, source, received_at",
    "feed_file_records": "file_id, record_id, occurrence",
}


def lines(rows: int) -> Iterator[tuple[str, ...]]:
    """The lines of a day: bets and results, with planted damage."""
    step = timedelta(days=1) / (rows + 1)
    for n in range(rows):
        number = n - 1 if n % REPEATED_EVERY == 1 else n
        amount = "ten" if n % UNREADABLE_EVERY == 3 else f"{1 + n % 997}.{n % 100:02d}"
        action = "result" if n % 3 == 2 else "bet"
        at = (START + n * step).replace(microsecond=0)
        at_text = at.isoformat().replace("+00:00", "Z")
        yield (f"t-{number:09d}", action, f"user-{n % 10_007}", "USD", amount, "", at_text)


def write_statement(path: Path, rows: int) -> None:
    """Write the statement in the format that the name ends with."""
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(lines(rows))
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = zip(*lines(rows), strict=True)
        arrays = [pa.array(column, pa.string()) for column in columns]
        pq.write_table(pa.Table.from_arrays(arrays, list(COLUMNS)), path)
    else:
        import xlsxwriter

        with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
            sheet = book.add_worksheet()
            for number, line in enumerate((COLUMNS, *lines(rows))):
                sheet.write_row(number, 0, line)


def parse(path: Path) -> int:
    """Only parse the file, with the fastest reader of its format; the number of rows."""
    if path.suffix == ".csv":
        import pyarrow.csv

        return int(pyarrow.csv.read_csv(path).num_rows)
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return int(pq.read_table(path).num_rows)
    try:
        import python_calamine  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        import openpyxl

        sheet = openpyxl.load_workbook(path, read_only=True).active
        return sum(1 for _ in sheet.iter_rows(values_only=True)) - 1
    book = python_calamine.CalamineWorkbook.from_path(str(path))
    return len(book.get_sheet_by_index(0).to_python()) - 1


def run_parse(path: Path, _url: str) -> dict[str, Any]:
    """The bare parse."""
    return {"rows": parse(path)}


def run_import(path: Path, url: str) -> dict[str, Any]:
    """The import, as ``tieout feed import`` goes about it."""
    dialect = DIALECTS["sportsbook"]
    options = {key: option.default for key, option in dialect.options.items()}
    provider = Provider(
        slug="book", currency="USD", exponents={}, secrets=(b"s",), options=options
    )
    reader = StatementReader(dialect, provider, FileRules())
    request = ImportRequest(path=path, zone=ZoneInfo("UTC"), now=START + timedelta(days=2))
    engine = open_engine(url, pool_size=1)
    with engine.begin() as connection:  # the only one of the pool: the import has it next
        server = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    gc.freeze()
    result = keep_and_import(engine, reader, request)
    server_cpu = cpu_seconds(server)
    engine.dispose()
    return {
        "server_cpu": server_cpu,
        "records": result.count.stored,
        "repeated": result.count.repeated,
        "unreadable": result.refused,
    }


def run_copy(url: str) -> dict[str, float]:
    """Seconds of ``COPY`` of the stored rows: into tables with their keys, and a bare one."""
    seconds = {"keyed": 0.0, "keyed_cpu": 0.0, "bare": 0.0}
    with psycopg.connect(url, autocommit=True) as connection:
        for table, columns in _TABLES.items():
            rows = _copied_out(connection, table, columns)
            connection.execute(f"CREATE TABLE keyed (LIKE {table} INCLUDING ALL)".encode())
            before = _cpu(connection)
            seconds["keyed"] += _copied_in(connection, "keyed", columns, rows)
            seconds["keyed_cpu"] += _cpu(connection) - before
            if table == "feed_records":
                bare = f"CREATE TABLE bare AS SELECT {columns} FROM {table} WHERE false"
                connection.execute(bare.encode())
                seconds["bare"] += _copied_in(connection, "bare", columns, rows)
            connection.execute("DROP TABLE keyed")
    return seconds


def _cpu(connection: psycopg.Connection) -> float:
    """Processor time of this process and of its database process."""
    return time.process_time() + cpu_seconds(connection.info.backend_pid)


def _copied_out(connection: psycopg.Connection, table: str, columns: str) -> bytes:
    buffer = io.BytesIO()
    with connection.cursor().copy(f"COPY {table} ({columns}) TO STDOUT".encode()) as copy:
        for data in copy:
            buffer.write(data)
    return buffer.getvalue()


def _copied_in(connection: psycopg.Connection, table: str, columns: str, rows: bytes) -> float:
    started = time.perf_counter()
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
        for at in range(0, len(rows), 1 << 16):
            copy.write(rows[at : at + (1 << 16)])
    return time.perf_counter() - started


CONTENDERS = {"parse": run_parse, "import": run_import}


def measure(contender: str, path: Path, url: str) -> None:
    """Run one contender in this process, and print its seconds and peak memory."""
    if contender == "parse":
        __import__("pyarrow.csv")  # importing is not what is measured
        __import__("pyarrow.parquet")
    before = _peak_mib()
    started, started_cpu = time.perf_counter(), time.process_time()
    result = CONTENDERS[contender](path, url)
    seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    peak = _peak_mib()
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "seconds": seconds,
        "peak_mib": peak,
        "base_mib": before,
        "child_mib": child.ru_maxrss // 1024,
        "cpu": cpu + child.ru_utime + child.ru_stime,
    }
    print(json.dumps({**figures, **result}))


def _peak_mib() -> int:
    """The most memory that this process had since it was started."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def contend(contender: str, path: Path, url: str) -> dict[str, Any]:
    """Run one contender in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.statement_import", "--run", contender]
    done = subprocess.run(
        [*command, "--url", url, "--file", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def benchmark(path: Path, rows: int, url: str) -> bool:
    """Measure one format and print its figures; whether everything planted was stored."""
    imported = contend("import", path, url)
    parsed = contend("parse", path, url)
    copied = run_copy(url)
    keyed = imported["seconds"] / (copied["keyed"] + parsed["seconds"])
    bare = imported["seconds"] / (copied["bare"] + parsed["seconds"])
    unreadable = len(range(3, rows, UNREADABLE_EVERY))
    cpu = imported["cpu"] + imported["server_cpu"]
    cpu_ratio = cpu / (copied["keyed_cpu"] + parsed["cpu"])
    exact = bool(
        imported["records"] == rows - unreadable
        and imported["unreadable"] == unreadable
        and imported["repeated"] == len(range(1, rows, REPEATED_EVERY))
    )
    above = imported["peak_mib"] - imported["base_mib"]
    child = f"; a child {imported['child_mib']} MiB" if imported["child_mib"] else ""
    print(f"{path.suffix[1:]}: {rows} lines, {unreadable} of them unreadable")
    processor = f"{imported['cpu']:.1f} + {imported['server_cpu']:.1f} s of processor"
    memory = f"{above} MiB more at most{child}"
    print(f"  import       {imported['seconds']:8.2f} s   {processor}, {memory}")
    print(f"  parse        {parsed['seconds']:8.2f} s")
    print(f"  COPY, keyed  {copied['keyed']:8.2f} s")
    print(f"  COPY, bare   {copied['bare']:8.2f} s")
    print(f"  import / (parse + keyed COPY)  {keyed:6.2f}   (aim: at most 2)")
    print(f"  import / (parse + bare COPY)   {bare:6.2f}")
    print(f"  the same in processor time     {cpu_ratio:6.2f}")
    print(f"  every line and finding stored: {'yes' if exact else 'NO'}")
    figures = {
        "over_keyed": keyed,
        "over_bare": bare,
        "over_cpu": cpu_ratio,
        "peak_mib": above,
        "exact": exact,
    }
    runs = {"import": imported, "parse": parsed, "copy": copied}
    form = {"benchmark": "statement_import", "format": path.suffix[1:], "rows": rows}
    print(json.dumps({**form, **figures, "runs": runs}), flush=True)
    return exact


def main() -> int:
    parser = argparse.ArgumentParser(description="Import against COPY and a bare parse.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--xlsx-rows", type=int, default=200_000)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--data", type=Path, help="where the database lives; else temporary")
    parser.add_argument("--run", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        measure(options.run, options.file, options.url)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        rows = {"csv": options.rows, "parquet": options.rows, "xlsx": options.xlsx_rows}
        wanted = {name: rows[name] for name in options.formats}
        return _whole(options.data or Path(folder) / "data", Path(folder), wanted)


def _whole(data: Path, folder: Path, wanted: dict[str, int]) -> int:
    home = open_data_directory(data)
    try:
        with locked(home):
            postgres_server.start(home)
        exact = [
            benchmark(_statement(folder, name, rows), rows, _new_database(home, name))
            for name, rows in wanted.items()
        ]
        return 0 if all(exact) else 1
    finally:
        postgres_server.stop(home)


def _statement(folder: Path, name: str, rows: int) -> Path:
    path = folder / f"2026-03-01.{name}"
    write_statement(path, rows)
    return path


def _new_database(home: Any, name: str) -> str:
    """A migrated database without any statistics."""
    with psycopg.connect(postgres_server.url(home), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE import_{name}".encode())
    address = postgres_server.url(home, f"import_{name}")
    engine = open_engine(address)
    migrate(engine)
    engine.dispose()
    return address


if __name__ == "__main__":
    sys.exit(main())
