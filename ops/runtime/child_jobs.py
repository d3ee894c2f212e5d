"""Child jobs: functions that the scheduler calls in processes of their own.

The scheduler stays small, because the memory of a job ends with its process, and a job that
hangs can be ended. A child job ends with its scheduler, even if that is killed.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar, TypeVarTuple

from ops.background.priorities import Priority, yield_to_callbacks
from ops.runtime import logs
from ops.runtime.outages import outage_of
from ops.runtime.parent_death import end_with_parent
from storage.queue.parking import place_of
from vocabulary.errors import TieoutError, Unavailable
from workers.scheduler import JobFailed

#: Seconds between SIGTERM and SIGKILL for a child.
GRACE_S = 5.0

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_SPAWN = multiprocessing.get_context("spawn")


class Stopping(Unavailable):
    """This scheduler is stopping; another one does the job."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a function returned, or the error that it raised."""

    value: Any = None
    error: TieoutError | None = None


class ChildJobs:
    """Calls functions in child processes, from any number of threads, until ``stop``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[SpawnProcess] = set()
        self._is_stopped = False

    def call(
        self,
        function: Callable[[*Ts], T],
        *args: *Ts,
        timeout: timedelta,
        priority: Priority | None = None,
    ) -> T:
        """Return what a function of a module returns in a process of its own.

        Function, arguments and value are pickled.

        Args:
            function: does the job.
            args: its arguments.
            timeout: after this time it is given up.
            priority: how far it yields to callbacks; None: not at all.

        Raises:
            Stopping: this scheduler is stopping.
            JobFailed: it took longer than ``timeout``, its process died, or it has a bug.
            TieoutError: the function raised it.
        """
        name = function.__name__
        process, receiver = self._start(function, args, priority)
        try:
            if not receiver.poll(timeout.total_seconds()):
                raise JobFailed(f"{name}: given up after {timeout}")
            outcome: _Outcome = receiver.recv()
        except (EOFError, OSError):
            outcome = _Outcome(error=JobFailed(f"{name}: its process died"))
        finally:
            receiver.close()
            self._end(process)
        if outcome.error is None:
            value: T = outcome.value
            return value
        if self._is_stopped:
            raise Stopping(f"{name}: the scheduler is stopping")
        raise outcome.error

    def running(self) -> int:
        """How many child jobs are running."""
        with self._lock:
            return len(self._running)

    def stop(self) -> None:
        """Terminate the running child jobs and start no more."""
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                process.terminate()

    def _start(
        self, function: Callable[..., Any], args: tuple[Any, ...], priority: Priority | None
    ) -> tuple[SpawnProcess, Connection]:
        receiver, sender = _SPAWN.Pipe(duplex=False)
        process = _SPAWN.Process(target=_run, args=(sender, function, args, priority))
        with self._lock, sender:
            if self._is_stopped:
                raise Stopping(f"{function.__name__}: the scheduler is stopping")
            process.start()
            self._running.add(process)
        return process, receiver

    def _end(self, process: SpawnProcess) -> None:
        """End the process; nothing of it is needed any more.

        Only under the lock, because ``start`` in another thread reaps processes too.
        """
        for signal_process in (process.terminate, process.kill):
            with self._lock:
                signal_process()
            if wait([process.sentinel], GRACE_S):
                break
        with self._lock:
            process.join()
            process.close()
            self._running.discard(process)


def _run(
    sender: Connection,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    priority: Priority | None,
) -> None:
    """Run in the child process: send the function's outcome to the scheduler."""
    scheduler = multiprocessing.parent_process()
    assert scheduler is not None
    assert scheduler.pid is not None
    end_with_parent(scheduler.pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C stops the scheduler, which ends us
    logs.configure(role="job")
    if priority is not None:
        os.setsid()  # so that its niceness counts beside processes of other sessions
        yield_to_callbacks(priority)
    sender.send(_outcome(function, args))


def _outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> _Outcome:
    try:
        return _Outcome(value=function(*args))
    except TieoutError as error:
        return _Outcome(error=error)
    except Exception as error:  # noqa: BLE001 - the process edge; the scheduler reports it
        bug = JobFailed(f"{function.__name__}: {type(error).__name__} at {place_of(error)}")
        return _Outcome(error=outage_of(error) or bug)
