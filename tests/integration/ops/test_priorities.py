"""Background work yields: its process, its PostgreSQL backends and their parallel workers."""

import os
import threading
from datetime import timedelta

import psycopg

from ops.runtime.child_jobs import ChildJobs
from ops.runtime.priorities import Priority, priority_of
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


def yield_and_look(url: str) -> list[int]:
    """In a child job: how nice it is, its backend, and a parallel worker of that."""
    with psycopg.connect(url, autocommit=True) as working:
        backend, workers = working.info.backend_pid, list[int]()

        def look() -> bool:
            workers[:] = [row[0] for row in watching.execute(_WORKERS, [backend])]
            return bool(workers) and {niceness(pid) for pid in (backend, *workers)} == {NICE}

        def sleep() -> None:
            try:
                working.execute(_SLEEP_IN_A_WORKER)
            except psycopg.errors.QueryCanceled:
                return

        sleeper = threading.Thread(target=sleep)
        with psycopg.connect(url, autocommit=True) as watching:
            sleeper.start()
            wait_until(look)
            found = [niceness(pid) for pid in (0, backend, workers[0])]
            working.cancel_safe()
            sleeper.join()
    return found


def own_niceness() -> int:
    return niceness(0)


def test_a_job_its_backend_and_a_parallel_worker_yield(database: str) -> None:
    priority = Priority(nice=NICE, database_url=database)

    found = ChildJobs().call(yield_and_look, database, timeout=LONG, priority=priority)

    assert found == [NICE, NICE, NICE]


def test_a_job_that_competes_is_as_nice_as_its_scheduler(database: str) -> None:
    settings = Settings(background=BackgroundSettings(proofs=0))
    priority = priority_of(settings, Work.PROOFS, database)

    found = ChildJobs().call(own_niceness, timeout=LONG, priority=priority)

    assert found == own_niceness()
