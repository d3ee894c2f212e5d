"""Background work yields: its process, its PostgreSQL backends and their parallel workers."""

import ctypes
import os
import platform
import threading
from datetime import timedelta
from pathlib import Path

import psycopg

from ops.background.niceness import SLICE_NS
from ops.background.priorities import Priority, priority_of
from ops.runtime.child_jobs import ChildJobs
from ops.settings.model import Settings
from ops.settings.sections.background import BackgroundSettings
from ops.work import Work
from tests.harness.servers.receiver import wait_until

LONG = timedelta(minutes=1)
NICE = 7
_SLEEP_IN_A_WORKER = "SET debug_parallel_query = on; SELECT pg_sleep(10)"
_WORKERS = "SELECT pid FROM pg_stat_activity WHERE leader_pid = %s"


def niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def session_niceness(pid: int) -> int:
    """The niceness of the group of a session; of the process where sessions have no groups."""
    try:
        return int(Path(f"/proc/{pid or 'self'}/autogroup").read_text().split()[-1])
    except OSError:
        return niceness(pid)


def slice_of(pid: int) -> int:
    """How long the process may keep a processor, in nanoseconds; 0: the kernel does not say."""
    attributes = ctypes.create_string_buffer(56)
    number = {"x86_64": 315, "aarch64": 275}[platform.machine()]
    ctypes.CDLL(None).syscall(number, pid, attributes, len(attributes), 0)
    return int.from_bytes(attributes.raw[24:32], "little")


def yield_and_look(url: str) -> list[tuple[int, int, int]]:
    """In a child job: how it yields, its backend, and a parallel worker of that.

    Each as its niceness, that of its session, and its slice.
    """
    with psycopg.connect(url, autocommit=True) as working:
        backend, workers = working.info.backend_pid, list[int]()

        def look() -> bool:
            workers[:] = [row[0] for row in watching.execute(_WORKERS, [backend])]
            lowered = {session_niceness(pid) for pid in (backend, *workers)}
            return bool(workers) and lowered == {NICE}

        def sleep() -> None:
            try:
                working.execute(_SLEEP_IN_A_WORKER)
            except psycopg.errors.QueryCanceled:
                return

        sleeper = threading.Thread(target=sleep)
        with psycopg.connect(url, autocommit=True) as watching:
            sleeper.start()
            wait_until(look)
            found = [
                (niceness(pid), session_niceness(pid), slice_of(pid))
                for pid in (0, backend, workers[0])
            ]
            working.cancel_safe()
            sleeper.join()
    return found


def own_niceness() -> int:
    return niceness(0)


def test_a_job_its_backend_and_a_parallel_worker_yield(database: str) -> None:
    priority = Priority(nice=NICE, database_url=database)

    found = ChildJobs().call(yield_and_look, database, timeout=LONG, priority=priority)

    assert [(nice, session) for nice, session, _ in found] == [(NICE, NICE)] * 3
    # A kernel before 6.12 has no slice for a process.
    assert {length for _, _, length in found} <= {0, SLICE_NS}
    assert len({length for _, _, length in found}) == 1


def test_a_job_that_competes_is_as_nice_as_its_scheduler(database: str) -> None:
    settings = Settings(background=BackgroundSettings(proofs=0))
    priority = priority_of(settings, Work.PROOFS, database)

    found = ChildJobs().call(own_niceness, timeout=LONG, priority=priority)

    assert found == own_niceness()
