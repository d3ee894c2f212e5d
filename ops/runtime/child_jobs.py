"""Child jobs: ``tieout`` commands that the scheduler runs as child processes.

The scheduler stays small, because the memory of a job ends with its process, and a job that
hangs can be killed. A child job ends with its scheduler, even if that is killed.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ops.runtime.supervisor import PARENT_DEATH_SCRIPT
from vocabulary.errors import Unavailable
from workers.scheduler import JobFailed

#: Longest part of a child's error output that is reported, in characters.
REASON_CHARS_MAX = 500
#: Seconds between SIGTERM and SIGKILL for a child.
GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildResult:
    """A finished child job: exit code, standard output and standard error."""

    code: int
    output: str
    error_output: str

    def reason(self) -> str:
        """The end of its error output, or its exit code."""
        return self.error_output.strip()[-REASON_CHARS_MAX:] or f"ended with {self.code}"


class ChildJobs:
    """Runs child jobs from any number of threads until ``stop``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_stopped = False

    def run(self, command: Sequence[str], *, patience: timedelta) -> ChildResult:
        """Run a command and wait for its end.

        Args:
            command: the program by its full path, and its arguments.
            patience: how long it may take.

        Raises:
            Unavailable: this scheduler is stopping; another one runs the job.
            JobFailed: it took longer than ``patience``.
        """
        process = self._start(command)
        try:
            output, error_output = process.communicate(timeout=patience.total_seconds())
        except subprocess.TimeoutExpired as error:
            raise JobFailed(f"{_named(command)}: given up after {patience}") from error
        finally:
            _end(process)
            with self._lock:
                self._running.discard(process)
        if process.returncode < 0 and self._is_stopped:
            raise Unavailable(f"{_named(command)}: the scheduler is stopping")
        return ChildResult(code=process.returncode, output=output, error_output=error_output)

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

    def _start(self, command: Sequence[str]) -> "subprocess.Popen[str]":
        wrapper = [sys.executable, "-I", "-S", PARENT_DEATH_SCRIPT, str(os.getpid())]
        with self._lock:
            if self._is_stopped:
                raise Unavailable(f"{_named(command)}: the scheduler is stopping")
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*wrapper, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._running.add(process)
            return process


def tieout_command(data_dir: Path, config: Path | None) -> list[str]:
    """The ``tieout`` command of this installation, with the same data and settings."""
    options = [] if config is None else ["--config", str(config)]
    return [sys.executable, "-m", "ops", "--data", str(data_dir), *options]


def _end(process: "subprocess.Popen[str]") -> None:
    """Make sure that the process has ended and its pipes are closed."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _named(command: Sequence[str]) -> str:
    """A command's name for messages: its words without paths and options."""
    words = [word for word in command if not word.startswith(("/", "-"))]
    return " ".join(words[1:] or words)
