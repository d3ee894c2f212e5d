"""Commands of one person that are killed exactly at a step.

The command runs in a process of its own. Locks of another connection hold it exactly at a step;
there it is killed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import psycopg

from tests.harness.books.archives.archived import Archivist
from tests.harness.people import signed_in
from tests.harness.servers.command_line import PATIENCE_S

_WAITING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND %s = ANY (pg_blocking_pids(pid))
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> ALL (%s::int[])
   AND backend_type = 'client backend'
"""


class Stop(NamedTuple):
    """Locks that hold a process at a step.

    Attributes:
        first: held from the beginning.
        second: taken once the process waits for the first, which is then released.
        between: a change that is committed before the second.
    """

    first: str
    second: str | None = None
    between: str = ""


@contextmanager
def _running(archivist: Archivist, words: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """``tieout`` in a process of its own, in a group with those that it starts."""
    options = ["--config", str(archivist.folder / "tieout.toml")]
    options += ["--data", str(archivist.folder / "data")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TIEOUT_")}
    with subprocess.Popen(
        [sys.executable, "-m", "ops", *options, *words],
        env={**environment, **signed_in(words)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_it_waits(
    watch: "psycopg.Connection[Any]",
    holder: "psycopg.Connection[Any]",
    process: "subprocess.Popen[bytes]",
) -> None:
    """Wait until the process waits for a lock that a connection holds."""
    until = time.monotonic() + PATIENCE_S
    while watch.execute(_WAITING, [holder.info.backend_pid]).fetchone() == (0,):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def kill_at(archivist: Archivist, words: Sequence[str], stop: Stop) -> None:
    """Run a command, kill it at a step, and wait until the database has noticed."""
    with (
        psycopg.connect(archivist.database) as first,
        psycopg.connect(archivist.database) as second,
        psycopg.connect(archivist.database, autocommit=True) as watch,
    ):
        first.execute(stop.first.encode())
        with _running(archivist, words) as process:
            _wait_until_it_waits(watch, first, process)
            if stop.second is not None:
                watch.execute(stop.between.encode())
                second.execute(stop.second.encode())
                first.rollback()
                _wait_until_it_waits(watch, second, process)
            process.kill()
            process.wait(PATIENCE_S)
            first.rollback()
            second.rollback()
            ours = [connection.info.backend_pid for connection in (first, second, watch)]
            until = time.monotonic() + PATIENCE_S
            while watch.execute(_OTHERS, [ours]).fetchone() != (0,):
                assert time.monotonic() < until
                time.sleep(0.05)
    assert process.returncode == -signal.SIGKILL
