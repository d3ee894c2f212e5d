"""The embedded engines: started, reused, recovered; nothing outside their directory touched."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from ops.context import Context, database_url, endpoints
from ops.engines import server_process, servers
from ops.engines.data_directory import open_data_directory
from ops.engines.machine_memory import memory_bytes
from ops.engines.postgres_memory import memory_settings
from ops.engines.role_urls import receiver_url
from ops.engines.servers import Endpoints, ServerPids
from ops.settings.model import BrokerSettings, DatabaseSettings, Settings
from storage.rights import APPLICATION_ROLE, OWNER_ROLE, RECEIVER_ROLE
from vocabulary.errors import Unavailable

EVERYTHING = Settings()
ONLY_POSTGRES = Settings(broker=BrokerSettings(url="redis://127.0.0.1:1/0"))
ONLY_VALKEY = Settings(database=DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/x"))

COMPUTING = "SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b"

ENSURE = """
import json, sys
from pathlib import Path
from ops.engines import servers as embedded
from ops.settings.model import Settings
embedded.ensure_running(Path(sys.argv[1]), Settings())
pids = embedded.status(Path(sys.argv[1]))
print(json.dumps([pids.postgres, pids.valkey]))
"""


def value(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def in_mb(url: str, setting: str) -> object:
    query = f"SELECT pg_size_bytes(current_setting('{setting}')) / 1048576"
    return value(url, query)


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert server_process.wait_gone(pid, timeout_s=10)


def permissions(path: Path) -> list[tuple[str, int, int, int]]:
    result = [(str(place), place.stat()) for place in (path, *path.parents)]
    return [(place, stat.st_mode, stat.st_uid, stat.st_gid) for place, stat in result]


def test_below_a_private_home_no_permission_and_no_user_changes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    before = permissions(home), Path("/etc/passwd").read_bytes()

    try:
        endpoints = servers.ensure_running(home / "data", EVERYTHING)
        answer = value(endpoints.database_url, "SELECT 'here'")
    finally:
        servers.stop(home / "data")

    assert answer == "here"
    assert (permissions(home), Path("/etc/passwd").read_bytes()) == before
    assert {path.stat().st_uid for path in (home / "data").rglob("*")} == {os.geteuid()}


def test_the_servers_listen_on_private_sockets_with_the_promised_settings(
    data_dir: Path,
) -> None:
    endpoints = servers.ensure_running(data_dir, EVERYTHING)

    promised = {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "deadlock_timeout": "100ms",
        "wal_compression": "off",
        "jit": "off",
        "server_encoding": "UTF8",
    }
    shown = {name: value(endpoints.migration_url, f"SHOW {name}") for name in promised}
    with redis.Redis.from_url(endpoints.broker_url) as broker:
        broker_settings = broker.config_get("port", "maxmemory-policy", "appendonly", "save")
    sockets = open_data_directory(data_dir).sockets
    assert shown == promised
    assert memory_settings(memory_bytes()).splitlines()[0] == (
        f"shared_buffers = {in_mb(endpoints.migration_url, 'shared_buffers')}MB"
    )
    assert broker_settings == {
        "port": "0",
        "maxmemory-policy": "noeviction",
        "appendonly": "no",
        "save": "",
    }
    assert sockets.stat().st_mode & 0o777 == 0o700


def test_a_second_start_reuses_the_running_servers(data_dir: Path) -> None:
    first = servers.ensure_running(data_dir, EVERYTHING)
    pids = servers.status(data_dir)

    second = servers.ensure_running(data_dir, EVERYTHING)

    assert second == first
    assert servers.status(data_dir) == pids
    assert pids.postgres
    assert pids.valkey


def test_stopping_leaves_nothing_running_and_may_be_repeated(data_dir: Path) -> None:
    servers.ensure_running(data_dir, EVERYTHING)

    servers.stop(data_dir)
    servers.stop(data_dir)

    assert servers.status(data_dir) == ServerPids(postgres=None, valkey=None)


def test_stopping_spares_the_servers_that_ran_before(data_dir: Path) -> None:
    servers.ensure_running(data_dir, ONLY_POSTGRES)
    before = servers.status(data_dir)
    servers.ensure_running(data_dir, EVERYTHING)

    servers.stop(data_dir, sparing=before)

    assert servers.status(data_dir) == before
    assert before.postgres


def test_killed_servers_come_back_with_every_committed_row(data_dir: Path) -> None:
    endpoints = servers.ensure_running(data_dir, EVERYTHING)
    execute(endpoints.migration_url, "CREATE TABLE kept AS SELECT 42 AS n")
    pids = servers.status(data_dir)
    kill(pids.postgres)
    kill(pids.valkey)

    again = servers.ensure_running(data_dir, EVERYTHING)

    assert again == endpoints
    assert value(again.migration_url, "SELECT n FROM kept") == 42
    with redis.Redis.from_url(again.broker_url) as broker:
        assert broker.ping()


def test_a_command_that_needs_only_the_database_starts_no_broker(data_dir: Path) -> None:
    context = Context(config=None, data_dir=data_dir, settings=EVERYTHING)

    owner_url = context.migration_url
    url = database_url(context)

    assert context.owner_url == owner_url
    assert value(url, "SELECT current_user::text") == APPLICATION_ROLE
    assert value(receiver_url(EVERYTHING, url), "SELECT current_user::text") == RECEIVER_ROLE
    assert value(context.owner_url, "SELECT current_user::text") == OWNER_ROLE
    for superuser in (False, True):
        query = f"SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper = {superuser}"
        assert (OWNER_ROLE in str(value(url, query)).split()) == superuser
        assert (APPLICATION_ROLE in str(value(url, query)).split()) != superuser
    pids = servers.status(data_dir)
    assert (pids.postgres is not None, pids.valkey) == (True, None)
    assert endpoints(context).database_url == url
    assert servers.status(data_dir).valkey is not None


def test_a_command_makes_no_books_in_a_folder_that_has_none(tmp_path: Path) -> None:
    context = Context(config=None, data_dir=tmp_path / "elsewhere", settings=EVERYTHING)

    for url in ("database_url", "owner_url"):
        with pytest.raises(Unavailable, match=r"no books are in .*/elsewhere: .*`tieout init`"):
            getattr(context, url)

    assert not context.data_dir.exists()


def test_an_external_database_is_used_without_a_data_directory(tmp_path: Path) -> None:
    context = Context(config=None, data_dir=tmp_path / "never", settings=ONLY_VALKEY)

    assert database_url(context) == ONLY_VALKEY.database.url
    assert not context.data_dir.exists()


@pytest.fixture
def busy_backend(data_dir: Path) -> Iterator[Endpoints]:
    """A backend that computes without ever looking whether its postmaster lives."""
    endpoints = servers.ensure_running(data_dir, ONLY_POSTGRES)
    connection = psycopg.connect(endpoints.migration_url, autocommit=True)

    def compute() -> None:
        try:
            connection.execute(COMPUTING)
        except psycopg.OperationalError:
            connection.close()

    thread = threading.Thread(target=compute)
    thread.start()
    yield endpoints
    servers.stop(data_dir)
    thread.join(timeout=180)
    assert not thread.is_alive()


def computing_backend(url: str) -> int:
    query = f"SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query = '{COMPUTING}'"
    for _ in range(2_000):
        if (pid := value(url, query)) is not None:
            return int(str(pid))
    raise AssertionError("the backend never began to compute")


def test_a_busy_backend_that_outlives_its_killed_postmaster_is_ended_before_the_restart(
    busy_backend: Endpoints, data_dir: Path
) -> None:
    backend = computing_backend(busy_backend.migration_url)
    kill(servers.status(data_dir).postgres)
    outlived = server_process.is_alive(backend)

    again = servers.ensure_running(data_dir, ONLY_POSTGRES)

    assert outlived
    assert not server_process.is_alive(backend)
    assert value(again.migration_url, "SELECT 1") == 1


def test_a_stale_pid_file_that_names_a_strangers_process_is_not_believed(
    data_dir: Path,
) -> None:
    servers.ensure_running(data_dir, ONLY_POSTGRES)
    kill(servers.status(data_dir).postgres)
    home = open_data_directory(data_dir)
    for stale in (home.postgres / "postmaster.pid", home.sockets / ".s.PGSQL.5432.lock"):
        lines = stale.read_text().splitlines()
        stale.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    again = servers.ensure_running(data_dir, ONLY_POSTGRES)

    assert value(again.database_url, "SELECT 1") == 1
    assert servers.status(data_dir).postgres != os.getpid()


def test_a_socket_swept_away_under_a_running_server_is_made_again(data_dir: Path) -> None:
    endpoints = servers.ensure_running(data_dir, EVERYTHING)
    for socket in open_data_directory(data_dir).sockets.iterdir():
        if socket.is_socket():
            socket.unlink()

    servers.ensure_running(data_dir, EVERYTHING)

    assert value(endpoints.database_url, "SELECT 1") == 1
    with redis.Redis.from_url(endpoints.broker_url) as broker:
        assert broker.ping()


def test_a_killed_initdb_leaves_nothing_that_hinders_the_next_start(data_dir: Path) -> None:
    half = data_dir / "postgres.partial-killed"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    endpoints = servers.ensure_running(data_dir, ONLY_POSTGRES)

    assert value(endpoints.database_url, "SELECT 1") == 1
    assert not half.exists()


def test_two_data_directories_run_side_by_side(data_dir: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    try:
        ours = servers.ensure_running(data_dir, EVERYTHING)
        theirs = servers.ensure_running(other, EVERYTHING)
        execute(ours.migration_url, "CREATE TABLE only_here (n int)")

        result = value(theirs.migration_url, "SELECT to_regclass('only_here')::text")
        servers.stop(other)
        still = value(ours.migration_url, "SELECT to_regclass('only_here')::text")
    finally:
        servers.stop(other)

    assert result is None
    assert still == "only_here"


def test_starts_at_the_same_moment_end_in_the_same_servers(data_dir: Path) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", ENSURE, str(data_dir)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    pids = [json.loads(start.communicate(timeout=180)[0]) for start in starts]

    assert [start.returncode for start in starts] == [0, 0, 0]
    assert pids[0] == pids[1] == pids[2]
    assert None not in pids[0]


def deep(path: Path) -> Path:
    return path / ("deep" * 20) / ("deeper" * 10) / "data"


def test_a_directory_too_deep_for_a_socket_gets_a_short_private_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = deep(tmp_path)
    try:
        endpoints = servers.ensure_running(data, EVERYTHING)
        sockets = open_data_directory(data).sockets
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        remembered = open_data_directory(data).sockets

        assert value(endpoints.database_url, "SELECT 1") == 1
        assert len(str(sockets)) < 90
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert remembered == sockets
    finally:
        servers.stop(data)
    shutil.rmtree(sockets)


def test_a_short_socket_directory_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    data = deep(tmp_path)
    sockets = open_data_directory(data).sockets
    sockets.chmod(0o755)

    with pytest.raises(Unavailable, match="with mode 0700"):
        servers.ensure_running(data, EVERYTHING)

    sockets.rmdir()


def test_real_urls_pass_unchanged_and_start_nothing(tmp_path: Path) -> None:
    settings = Settings(database=ONLY_VALKEY.database, broker=ONLY_POSTGRES.broker)

    endpoints = servers.ensure_running(tmp_path / "never", settings)

    assert endpoints.database_url == ONLY_VALKEY.database.url
    assert endpoints.broker_url == ONLY_POSTGRES.broker.url
    assert not (tmp_path / "never").exists()


def test_a_data_directory_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Unavailable, match="cannot be used"):
        servers.ensure_running(tmp_path / "file" / "data", EVERYTHING)


def in_namespace(*how: str) -> list[str]:
    unshare = shutil.which("unshare")
    assert unshare, "these tests enter user namespaces"
    return [unshare, "--user", *how, sys.executable, "-m", "ops"]


def test_an_ordinary_user_starts_the_engines_without_any_namespace(data_dir: Path) -> None:
    ordinary = in_namespace("--map-user=1000", "--map-group=1000")
    config = ["--config", str(data_dir.parent / "tieout.toml"), "--data", str(data_dir)]
    # With an empty path there is no unshare to find.
    done = subprocess.run(
        [*ordinary, *config, "init"], env={"PATH": "/none"}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert servers.status(data_dir).postgres


def test_root_without_user_namespaces_gets_a_message_with_the_setting(data_dir: Path) -> None:
    root = in_namespace("--map-root-user")
    config = ["--config", str(data_dir.parent / "tieout.toml"), "--data", str(data_dir)]
    done = subprocess.run(
        [*root, *config, "init"], env={"PATH": "/none"}, capture_output=True, text=True
    )

    assert done.returncode == 3
    assert "database.url" in done.stderr
    assert "Traceback" not in done.stderr
