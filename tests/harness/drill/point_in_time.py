"""A base backup of a running server, and a second server restored from it to an instant."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg

from ops.engines import postgres_server, server_process
from ops.engines.data_directory import DataDirectory, locked, open_data_directory

#: Longest wait for the base backup, in seconds.
BACKUP_WAIT_S = 120.0
# Connections wait until the restored server is promoted.
_RECOVERY = """
restore_command = 'cp {archive}/%f %p'
recovery_target_time = '{until}'
recovery_target_action = 'promote'
hot_standby = off
archive_mode = off
"""


def begin_base_backup(home: DataDirectory, folder: Path) -> "subprocess.Popen[bytes]":
    """Start ``pg_basebackup`` of a running server into a new folder."""
    program = postgres_server.binary("pg_basebackup")
    options = ["--checkpoint=fast", "--wal-method=none", "--no-sync", f"--pgdata={folder}"]
    return subprocess.Popen(
        [program, f"--host={home.sockets}", "--username=tieout", *options],
        env=server_process.ENVIRONMENT,
        stderr=subprocess.PIPE,
    )


def finish_base_backup(backup: "subprocess.Popen[bytes]") -> None:
    """Wait for the end of a base backup."""
    _, errors = backup.communicate(timeout=BACKUP_WAIT_S)
    assert backup.returncode == 0, errors


def archive_log(home: DataDirectory, archive: Path) -> None:
    """Close the segment that is written and copy all segments, as an archive_command does."""
    archive.mkdir(exist_ok=True)
    with psycopg.connect(postgres_server.url(home, "postgres"), autocommit=True) as connection:
        row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    assert row is not None
    for segment in (home.postgres / "pg_wal").iterdir():
        if len(segment.name) == 24 and segment.name <= row[0]:
            shutil.copy(segment, archive / segment.name)


@contextmanager
def restored(base: Path, archive: Path, root: Path, until: datetime) -> Iterator[DataDirectory]:
    """A server restored to an instant; it is stopped at the end."""
    home = open_data_directory(root)
    shutil.copytree(base, home.postgres)
    home.postgres.chmod(0o700)
    (home.postgres / "recovery.signal").touch()
    with (home.postgres / "postgresql.auto.conf").open("a") as configuration:
        configuration.write(_RECOVERY.format(archive=archive, until=until.isoformat()))
    with locked(home):
        postgres_server.start(home)
    try:
        yield home
    finally:
        with locked(home):
            postgres_server.stop(home)
