"""Keep child processes running: restart with back-off, give up after too many deaths.

One thread sleeps until a child ends, a restart is due, a stop is requested, or it is time to
check the heartbeats.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import structlog

from workers import heartbeat_file

PARENT_DEATH_SCRIPT = str(Path(__file__).with_name("parent_death.py"))
#: How long a killed process may take to be gone, in seconds.
KILL_WAIT_S = 5.0
#: How long a child may take to show progress for the first time, in seconds.
START_S = 60.0
#: Seconds between two checks of the children's heartbeats.
CHECK_EVERY_S = 1.0
#: A check this much later than planned, in seconds, means that the whole machine stood still.
FROZEN_S = 10.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One child to keep running.

    Attributes:
        name: its name in events and in the pid file; several may share it.
        argv: the command, its program by full path.
        env: its whole environment.
        grace_s: seconds to end after SIGTERM before SIGKILL.
        heartbeat: its heartbeat file, or None: it counts as healthy while it lives.
        heartbeat_s: without progress for so many seconds it is killed and restarted.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    grace_s: float
    heartbeat: Path | None = None
    heartbeat_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """When a supervisor restarts a child and when it gives up.

    Attributes:
        first_s, longest_s: the pause before a restart: doubles from one to the other.
        calm_s: a child that lived so long starts again with the first pause.
        deaths_max, window_s: so many deaths of a child within so many seconds are too many.
    """

    first_s: float = 0.2
    longest_s: float = 5.0
    calm_s: float = 10.0
    deaths_max: int = 10
    window_s: float = 60.0


class Restarts:
    """When one child may start again."""

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._deaths: deque[float] = deque(maxlen=policy.deaths_max)
        self._quick = 0

    def pause_after(self, *, died_at: float, lived_s: float) -> float | None:
        """Seconds until the restart, or None to give up."""
        self._quick = 0 if lived_s >= self._policy.calm_s else self._quick + 1
        self._deaths.append(died_at)
        full = len(self._deaths) == self._policy.deaths_max
        if full and died_at - self._deaths[0] <= self._policy.window_s:
            return None
        doublings = min(max(self._quick - 1, 0), 30)
        return min(self._policy.first_s * 2.0**doublings, self._policy.longest_s)


class Child:
    """One program with the process that runs it now, if any."""

    def __init__(self, program: Program, policy: RestartPolicy) -> None:
        self.program = program
        self.restarts = Restarts(policy)
        self.due_at: float | None = 0.0
        self.started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.handle = -1

    def start(self, now: float) -> None:
        """Run the program in a session of its own: a terminal's Ctrl-C is the supervisor's."""
        if self.program.heartbeat is not None:
            self.program.heartbeat.unlink(missing_ok=True)  # of a predecessor
        wrapper = [sys.executable, "-I", "-S", PARENT_DEATH_SCRIPT, str(os.getpid())]
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [*wrapper, *self.program.argv],
            env=dict(self.program.env),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.handle = os.pidfd_open(self.process.pid)
        self.started_at, self.due_at = now, None
        log.info("child_started", child=self.program.name, pid=self.process.pid)

    def reap(self) -> int:
        """Reap the process; returns the exit status, negative for a signal.

        A killed worker leaves forked processes behind, so its whole group is killed.
        """
        assert self.process is not None
        status = self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        os.close(self.handle)
        self.process, self.handle = None, -1
        return status

    def silent_s(self, now: float) -> float | None:
        """Seconds without progress once that is too long, else None.

        A child without a heartbeat yet is given time to start.
        """
        path, limit_s = self.program.heartbeat, self.program.heartbeat_s
        if self.process is None or path is None:
            return None
        age = heartbeat_file.age_s(path)
        if age is None:
            age, limit_s = now - self.started_at, max(limit_s, START_S)
        return age if age > limit_s else None

    def send(self, number: signal.Signals) -> None:
        """Signal the process, if it runs."""
        if self.process is not None:
            self.process.send_signal(number)


class Supervisor:
    """Keeps programs running until a stop is requested or a child dies too often.

    Args:
        programs: in the order in which they stop; the same name stops together.
        policy: when to restart and when to give up.
        on_change: called with a name and its live pids whenever they change.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        policy: RestartPolicy | None = None,
        on_change: Callable[[str, list[int]], None] = lambda _name, _pids: None,
    ) -> None:
        self._children = [Child(program, policy or RestartPolicy()) for program in programs]
        self._on_change = on_change
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        # Open as long as anybody can ask to stop: a number that is free is soon another file's.
        weakref.finalize(self, os.close, self._wake_write)
        self._exit_code: int | None = None
        self._checked_at = self._check_from = time.monotonic()

    def request_stop(self, exit_code: int = 0) -> None:
        """Ask ``run`` to stop everything and return the code; from any thread or handler."""
        if self._exit_code is None:
            self._exit_code = exit_code
        # Full means that it will wake anyway; broken, that it has ended.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._wake_write, b"\0")

    def forward(self, number: signal.Signals, name: str) -> None:
        """Send a signal to the children of a name; safe in a signal handler."""
        for child in self._children:
            if child.program.name == name:
                child.send(number)

    def pids(self, name: str) -> list[int] | None:
        """The processes of a name; None while one of them is not running."""
        processes = [child.process for child in self._children if child.program.name == name]
        running = [process.pid for process in processes if process is not None]
        return running if len(running) == len(processes) else None

    def run(self) -> int:
        """Keep everything running; returns the requested exit code, or 3 after giving up."""
        try:
            while self._exit_code is None:
                self._start_due(time.monotonic())
                self._wait(self._until_next(time.monotonic()))
                self._kill_silent(time.monotonic())
                self._handle_deaths(time.monotonic())
        finally:
            self._stop_all()
            self._close()
        return self._exit_code

    def _start_due(self, now: float) -> None:
        for child in self._children:
            if child.due_at is not None and child.due_at <= now:
                child.start(now)
                self._announce(child.program.name)

    def _until_next(self, now: float) -> float | None:
        due = [child.due_at for child in self._children if child.due_at is not None]
        if any(child.program.heartbeat and child.process for child in self._children):
            due.append(now + CHECK_EVERY_S)
        return max(min(due) - now, 0.0) if due else None

    def _wait(self, timeout_s: float | None) -> None:
        handles = [child.handle for child in self._children if child.process is not None]
        readable = select.select([self._wake_read, *handles], [], [], timeout_s)[0]
        if self._wake_read in readable:
            os.read(self._wake_read, 4096)

    def _kill_silent(self, now: float) -> None:
        """Kill a child that is alive but makes no progress."""
        # The machine stood still, and so did the children.
        if now - self._checked_at > FROZEN_S:
            self._check_from = now + FROZEN_S
        self._checked_at = now
        if now < self._check_from:
            return
        for child in self._children:
            silent_s = child.silent_s(now)
            if silent_s is not None:
                name = child.program.name
                log.error("child_makes_no_progress", child=name, silent_s=round(silent_s, 1))
                child.send(signal.SIGKILL)

    def _handle_deaths(self, now: float) -> None:
        for child in self._ended(self._children, timeout_s=0):
            lived_s = now - child.started_at
            name, status = child.program.name, child.reap()
            pause = child.restarts.pause_after(died_at=now, lived_s=lived_s)
            self._announce(name)
            if pause is None:
                log.error("child_gave_up", child=name, status=status)
                return self.request_stop(3)
            child.due_at = now + pause
            log.warning("child_died", child=name, status=status, restart_in_s=round(pause, 3))
        return None

    def _stop_all(self) -> None:
        """Stop in order, one name at a time, each bounded by its grace."""
        for name, group in groupby(self._children, key=lambda child: child.program.name):
            children = [child for child in group if child.process is not None]
            for child in children:
                child.send(signal.SIGTERM)
            grace_s = max((child.program.grace_s for child in children), default=0.0)
            for child in self._wait_ended(children, grace_s):
                log.warning("child_killed", child=name, grace_s=grace_s)
                child.send(signal.SIGKILL)
            self._wait_ended(children, KILL_WAIT_S)
            self._announce(name)

    def _wait_ended(self, children: list[Child], limit_s: float) -> list[Child]:
        """Wait for the children to end; returns those that still run."""
        deadline = time.monotonic() + limit_s
        while running := [child for child in children if child.process is not None]:
            ended = self._ended(running, timeout_s=max(deadline - time.monotonic(), 0.0))
            if not ended:
                return running
            for child in ended:
                log.info("child_stopped", child=child.program.name, status=child.reap())
        return []

    def _close(self) -> None:
        os.close(self._wake_read)

    @staticmethod
    def _ended(children: Sequence[Child], *, timeout_s: float) -> list[Child]:
        handles = {child.handle: child for child in children if child.process is not None}
        ready = select.select(list(handles), [], [], timeout_s)[0]
        return [handles[handle] for handle in ready]

    def _announce(self, name: str) -> None:
        children = [child for child in self._children if child.program.name == name]
        self._on_change(name, [c.process.pid for c in children if c.process is not None])
