"""Real engines for every test that needs them: one PostgreSQL and one Valkey per session.

Nothing is skipped where a server cannot start: the tests that need it fail. Temporary files,
and with them every data directory of a test, are kept in memory where there is enough of it.
"""

import contextlib
import gc
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, settings

from ops.engines import postgres_server, servers, valkey_server
from ops.engines.data_directory import DataDirectory, locked, open_data_directory
from storage.engine import open_engine
from storage.migrate import migrate
from tests.harness.people import register_people

# A law holds however slow the machine is, and a run that found nothing finds nothing when it is
# repeated: the examples follow from the test, not from the hour.
settings.register_profile(
    "laws", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("laws")

#: Consoles of several ``tieout up`` at once must not share the usual port.
os.environ.setdefault("TIEOUT_CONSOLE__PORT", "0")

TEMPLATE = "template_books"
#: Files that take longest, the longest first: what is left for the end is then short.
LONGEST = tuple(
    Path(f"{name}.py")
    for name in (
        "integration/simulator/test_commands",
        "integration/benchmarks/test_small_runs",
        "browser/test_daily_job",
        "browser/test_console",
        "fault/test_kill",
        "integration/reports/test_journal",
        "integration/workers/test_scheduler_story",
        "integration/ops/test_new_dialect",
        "external/test_rabbitmq",
        "integration/ledger/archive/test_killed_leaving",
        "integration/providers/test_launch_flow",
        "detection/test_corrections",
        "integration/reconcile/test_edges",
        "integration/ops/test_daily_script",
        "integration/feeds/test_killed_record_release",
        "unit/feeds/test_mutants",
        "integration/ops/test_completion",
        "integration/ledger/test_listed_amounts",
        "integration/ops/test_up",
        "integration/console/api/test_api_rights",
        "unit/ops/test_scope",
        "browser/test_job_pages",
        "integration/ops/test_child_jobs",
        "integration/reconcile/test_partitions",
        "fault/test_steps",
        "fault/test_unanswered",
        "integration/ledger/test_verify",
        "meta/test_import_contracts",
    )
)
#: A file system in memory, and the free bytes from which tests keep their files there.
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 6 << 30
#: Only a power cut could tell these from the settings of the product, which the servers of
#: data directories have. Autovacuum would look through every database that is about to go.
SESSION_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_compression": "off",
    "autovacuum": "off",
    "max_wal_size": "'512MB'",
}
_numbers = itertools.count()

#: Stops the servers unless it was told that they are; it imports ours only then.
STOP_AT_EOF = """
import sys
if not sys.stdin.read():
    from pathlib import Path
    from ops.engines import servers as embedded
    embedded.stop(Path(sys.argv[1]))
"""


def pytest_configure(config: pytest.Config) -> None:
    """Have files in the order given below, and temporary files in memory.

    A database of the tests is 700 files: on a disk it takes ten times as long to make. A folder
    that TMPDIR names is used instead.
    """
    config.option.loadscopereorder = False
    if "TMPDIR" not in os.environ and _has_memory():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # chosen anew


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first."""
    ranks = {Path(__file__).parent / path: rank for rank, path in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Leave what all tests share out of the search for garbage.

    Collecting them leaves 600 000 objects, which every full search went through: a fifth of the
    time of tests that make many objects, and half of those that parse every module.
    """
    gc.collect()
    gc.freeze()


def _has_memory() -> bool:
    """Whether there is memory enough, and programs there may run."""
    if not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    available = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    free = min(shutil.disk_usage(MEMORY).free, int(available[1]) << 10 if available else 0)
    return free >= MEMORY_BYTES_MIN


@contextlib.contextmanager
def stopped_with_this_process(data_dir: Path) -> Iterator[None]:
    """Stop the servers of a data directory at the end, even if this process is killed.

    A helper process waits until our end of a pipe closes, which the kernel guarantees.
    """
    command = [sys.executable, "-c", STOP_AT_EOF, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as stopper:
        yield
        servers.stop(data_dir)
        assert stopper.stdin is not None
        stopper.stdin.write(b"stopped")
        # Leaving the block closes the pipe and waits.
    assert stopper.returncode == 0


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The session's server; ``url()`` of a database of it, by name."""

    home: DataDirectory

    def url(self, database: str) -> str:
        return postgres_server.url(self.home, database)

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def clone(self, name: str, template: str = TEMPLATE) -> str:
        """Make a database from another; returns its URL."""
        # Copied files need no log, and have the caches that a first connection would fill.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever uses it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL for the whole session, with a migrated template database."""
    home = open_data_directory(tmp_path_factory.mktemp("postgres") / "data")
    with stopped_with_this_process(home.root):
        with locked(home):
            postgres_server.start(home)
        server = PostgresServer(home)
        for setting, value in SESSION_SETTINGS.items():
            server.execute(f"ALTER SYSTEM SET {setting} = {value}")
        server.execute("SELECT pg_reload_conf()")
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        engine = open_engine(server.url(TEMPLATE))
        migrate(engine)
        register_people(engine)
        engine.dispose()
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a fresh migrated database, dropped afterwards."""
    name = f"books_{next(_numbers)}"
    yield postgres.clone(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataDirectory]:
    """A Valkey for the whole session; its data directory."""
    home = open_data_directory(tmp_path_factory.mktemp("valkey") / "data")
    with stopped_with_this_process(home.root):
        with locked(home):
            valkey_server.start(home)
        yield home


@pytest.fixture
def broker_url(valkey: DataDirectory) -> Iterator[str]:
    """The URL of an empty numbered database of the session's Valkey."""
    url = valkey_server.url(valkey, next(_numbers) % valkey_server.DATABASES)
    client = redis.Redis.from_url(url)
    client.flushdb()
    yield url
    client.flushdb()
    client.close()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """An empty data directory of its own; servers left running in it are stopped."""
    place = tmp_path / "data"
    with stopped_with_this_process(place):
        yield place
