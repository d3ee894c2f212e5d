"""Server time and memory of every page of the console, over books of a given size.

    python -m benchmarks.console [--operations N] [--records N] [--breaks N] [--days N]
                                 [--data DIR] [--wait SECONDS] [--views K] [--memory-views M]
                                 [--only TEXT] [--without TEXT] [--commands]

Builds an embedded database, or uses the one in ``--data``; starts the real console, signs in
and asks for every address of ``console.routes`` with ids of these books, and for the usual
filters and searches. The reference is ``/readyz``, which asks the database for nothing but
``SELECT 1``. An address without an example here is an error, so no new page can be forgotten.
Processor time is that of console and database together, for each view. ``--commands`` times the
commands of the command line that read the same, too.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Engine, text

from benchmarks.bench import BenchSetup as Site
from benchmarks.bench import free_port, running, wait_until_answering
from benchmarks.console.books import PEOPLE, ZONES, BookSize, build
from benchmarks.console.browser import PASSWORD, Browser
from benchmarks.console.memory import growths, marks_of
from benchmarks.console.meter import Meter, postmaster_of
from benchmarks.console.pages import (
    ABSENT,
    AFTER_COMMENT,
    REFERENCE,
    addresses_of,
    commented_breaks,
)
from console.accounts.passwords import set_password
from ledger.amounts.listing import list_operation_amounts
from ops.engines import postgres_server
from ops.engines.data_directory import DataDirectory, locked, open_data_directory
from reconcile.days.day_sums import SummedDay
from reconcile.days.summing import keep_sums
from storage.engine import open_engine
from storage.migrate import migrate
from storage.people import get_person
from vocabulary.clock import SystemClock
from vocabulary.window import day_window, days_between

#: Most milliseconds that 95 of 100 views of a page may take.
AIM_MS = 100.0
#: Fewest views of a page, and the seconds after which no more are timed.
_VIEWS_MIN, _PAGE_S = 3, 10.0
_ONE_BREAK = "SELECT break_id, round_id, provider, began_at::date AS day FROM breaks LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One line of the table: milliseconds of the views of a page.

    Attributes:
        first: of the view before these, for which nothing was kept in memory.
        processor: of console and database, by view.
        refused: how many views were refused.
    """

    name: str
    first: float
    p50: float
    p95: float
    longest: float
    processor: float
    views: int
    refused: int

    @property
    def is_slow(self) -> bool:
        """Whether it misses the aim; a page that is refused does, too."""
        return self.p95 >= AIM_MS or self.refused > 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.console",
        description="Pages of the console over large books.",
    )
    parser.add_argument("--operations", type=int, default=10_000_000)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--breaks", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=90, help="how many days they lie in")
    parser.add_argument("--data", type=Path, help="where the books live; else temporary")
    parser.add_argument("--views", type=int, default=40, help="views of each page")
    parser.add_argument(
        "--wait", type=float, default=0, help="seconds that the console has to keep sums ready"
    )
    parser.add_argument("--memory-views", type=int, default=10_000)
    parser.add_argument("--only", action="append", help="only lines that contain this text")
    parser.add_argument("--without", default="\0", help="only lines without this text")
    parser.add_argument("--commands", action="store_true", help="time commands, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = options.data or Path(folder) / "books"
        return _measured(place, options)


def _measured(place: Path, options: argparse.Namespace) -> int:
    home = open_data_directory(place)
    size = BookSize(
        operations=options.operations,
        records=options.records,
        breaks=options.breaks,
        days=options.days,
    )
    try:
        with locked(home):
            postgres_server.start(home)
        engine = open_engine(postgres_server.url(home))
        _books(engine, home, size)
        _keep_sums(engine)
        _list_amounts(engine)
        return _report(_site(home, engine), engine, options)
    finally:
        postgres_server.stop(home)


def _books(engine: Engine, home: DataDirectory, size: BookSize) -> None:
    """Build the books unless they are there."""
    migrate(engine)
    with engine.connect() as connection:
        if connection.execute(text("SELECT EXISTS (SELECT FROM day_steps)")).scalar_one():
            return
    engine.dispose()
    with _loading(home):
        build(open_engine(postgres_server.url(home)), size)


def _keep_sums(engine: Engine) -> None:
    """Add up the days that are over, as the scheduler does it every few minutes."""
    with engine.connect() as connection:
        last = connection.execute(text("SELECT max(business_day) FROM day_closes")).scalar_one()
        first = connection.execute(
            text("SELECT min(business_day) FROM day_closes")
        ).scalar_one()
    days = [
        SummedDay(provider=slug, day=day, zone=zone, window=day_window(day, ZoneInfo(zone)))
        for day in days_between(first, last)
        for slug, zone in ZONES.items()
    ]
    print(f"  {keep_sums(engine, days, SystemClock())} days added up", file=sys.stderr)


def _list_amounts(engine: Engine) -> None:
    """List the amounts of operations, as the scheduler does it every few minutes."""
    print(f"  {list_operation_amounts(engine)} stretches of batches listed", file=sys.stderr)


@contextmanager
def _loading(home: DataDirectory) -> Iterator[None]:
    """Write no log and wait for no disk while the books are built."""
    settings = {"wal_level": "minimal", "max_wal_senders": "0", "fsync": "off"}
    _configure(home, [f"SET {name} = '{value}'" for name, value in settings.items()])
    yield
    _configure(home, ["RESET ALL"])
    os.sync()


def _configure(home: DataDirectory, changes: Sequence[str]) -> None:
    with psycopg.connect(postgres_server.url(home), autocommit=True) as connection:
        for change in changes:
            connection.execute(f"ALTER SYSTEM {change}".encode())
    postgres_server.stop(home)
    with locked(home):
        postgres_server.start(home)


def _site(home: DataDirectory, engine: Engine) -> Site:
    """The settings of a console over the books, and a password for everybody."""
    port = free_port()
    config = home.root / "console.toml"
    config.write_text(
        'mode = "test"\n[broker]\nurl = "redis://127.0.0.1:1/0"\n'
        f"[database]\nurl = {json.dumps(postgres_server.url(home))}\n[console]\nport = {port}\n"
        + "".join(
            f'[[providers]]\nslug = "{slug}"\ndialect = "{slug}"\ncurrency = "USD"\n'
            f'timezone = "{zone}"\nsecrets = ["literal:secret"]\n'
            for slug, zone in ZONES.items()
        ),
        encoding="utf-8",
    )
    with engine.begin() as connection:
        for name in PEOPLE:
            person, now = get_person(connection, name), SystemClock().now()
            set_password(connection, person, PASSWORD, by=name, now=now)
    return Site(data=home.root, config=config, port=port, database_url=str(engine.url))


def _report(site: Site, engine: Engine, options: argparse.Namespace) -> int:
    addresses = {
        name: paths
        for name, paths in addresses_of(engine).items()
        if name == REFERENCE
        or (any(text in name for text in options.only or [""]) and options.without not in name)
    }
    with running("benchmarks.as_installed", "console", stage=site) as process:
        wait_until_answering(site.port)
        browser = Browser(site.port)
        browser.sign_in("root")
        time.sleep(options.wait)
        meter = Meter(process.pid, postmaster=postmaster_of(engine))
        timings = [
            _timing(browser, meter, name, paths, options.views)
            for name, paths in addresses.items()
        ]
        timings += _after_comments(browser, meter, engine, options)
        memory = _memory(browser, meter, addresses, options.memory_views)
    commands = _commands(site, engine) if options.commands else {}
    return _print(timings, memory, commands)


def _timing(
    browser: Browser,
    meter: Meter,
    name: str,
    paths: Sequence[str],
    views: int,
    *,
    prepare: Callable[[], None] = lambda: None,
) -> Timing:
    """Ask for a page once, then time its views: fewer if they take long.

    ``prepare`` is called before each view; its time does not count.
    """
    prepare()
    first, refused = _view(browser, paths[0])[0], 0
    processor, began, views_ms = 0.0, time.monotonic(), []
    for path in islice(cycle(paths), views):
        prepare()
        before = meter.processor()
        milliseconds, is_refused = _view(browser, path)
        processor += meter.processor() - before
        views_ms.append(milliseconds)
        refused += is_refused
        if len(views_ms) >= _VIEWS_MIN and time.monotonic() - began > _PAGE_S:
            break
    print(
        f"  {name}: {first:.0f} ms, then {median(views_ms):.0f} ms", file=sys.stderr, flush=True
    )
    cuts = quantiles(views_ms, n=20, method="inclusive")
    return Timing(
        name=name,
        first=first,
        p50=cuts[9],
        p95=cuts[18],
        longest=max(views_ms),
        processor=processor / len(views_ms),
        views=len(views_ms),
        refused=refused,
    )


def _after_comments(
    browser: Browser, meter: Meter, engine: Engine, options: argparse.Namespace
) -> list[Timing]:
    """The groups of breaks, each time after somebody commented on another break."""
    if not any(text in AFTER_COMMENT for text in options.only or [""]):
        return []
    breaks = cycle(commented_breaks(engine))
    comment = {"text": "asked the provider"}
    return [
        _timing(
            *(browser, meter, AFTER_COMMENT, ["/breaks/groups"], options.views),
            prepare=lambda: browser.submit(f"/breaks/{next(breaks)}", "comment", comment),
        )
    ]


def _view(browser: Browser, path: str) -> tuple[float, bool]:
    """Milliseconds of one view, and whether it was refused although it should not be."""
    began = time.perf_counter()
    status, content = browser.get(path)
    milliseconds = (time.perf_counter() - began) * 1000
    if status >= 500:
        raise SystemExit(f"{path} was answered {status}: {content[:2000]}")
    return milliseconds, status >= 400 and ABSENT not in path


def _memory(
    browser: Browser, meter: Meter, addresses: Mapping[str, Sequence[str]], views: int
) -> dict[int, float]:
    """Resident memory, in MiB, by the number of views of all pages in turn until then."""
    paths = [path for listed in addresses.values() for path in listed[:4]]
    marks, memory = marks_of(views), {}
    for number, path in enumerate(islice(cycle(paths), views), start=1):
        _view(browser, path)
        if number in marks:
            memory[number] = meter.mebibytes()
            print(f"{memory[number]:.1f} MiB after {number:,} views", flush=True)
    return memory


def _commands(site: Site, engine: Engine) -> dict[str, float]:
    """Seconds of commands that read the same, and of one that does nothing."""
    with engine.connect() as connection:
        row = connection.execute(text(_ONE_BREAK)).one()
    lines = (
        *(("--version",), ("day", "list"), ("breaks", "list", "--json")),
        *(("breaks", "show", row.break_id), ("find", row.round_id)),
        ("day", "show", str(row.day), "--provider", row.provider),
        ("totals", "--day", str(row.day), "--provider", row.provider),
    )
    environment = {
        **os.environ,
        "TIEOUT_CONFIG": str(site.config),
        "TIEOUT_DATA": str(site.data),
    }
    seconds = {}
    for words in lines:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "ops", *words],
            env=environment,
            capture_output=True,
            check=False,
        )
        seconds[" ".join(words)] = time.perf_counter() - began
        if done.returncode > 1:  # 1: what the command proves does not hold in these books
            raise SystemExit(f"{words} exited {done.returncode}: {done.stderr.decode()}")
    return seconds


def _print(
    timings: Sequence[Timing], memory: Mapping[int, float], commands: Mapping[str, float]
) -> int:
    """The table and one line of JSON."""
    reference = timings[0].p50
    print(
        f"{'page':<46} {'first ms':>8} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8} {'cpu ms':>8}"
        f" {'over ref.':>9}"
    )
    for line in sorted(timings, key=lambda line: -line.p95):
        mark = "!" if line.is_slow else " "
        print(
            f"{line.name[:45]:<45}{mark} {line.first:8.1f} {line.p50:8.1f} {line.p95:8.1f}"
            f" {line.longest:8.1f} {line.processor:8.1f} {line.p50 / reference:9.1f}"
            + (f" {line.refused} of {line.views} refused" if line.refused else "")
        )
    grown = growths(memory)
    for growth in grown:
        print(growth.line())
    for words, seconds in commands.items():
        print(f"{seconds:6.2f} s  tieout {words}")
    slow = [line.name for line in timings if line.is_slow]
    figures: dict[str, Any] = {
        "benchmark": "console",
        "slow": slow,
        "growth_percent": {f"{of.since}-{of.until}": of.percent for of in grown},
        "memory_mib": memory,
        "pages": {line.name: [line.p50, line.p95, line.processor] for line in timings},
        "commands": dict(commands),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
