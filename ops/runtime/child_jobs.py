"""Commands of our own that the scheduler has done by processes of their own.

The scheduler stays small, whatever an errand needs in memory goes with it, and one that hangs
can be given up. An errand ends with its scheduler, also with one that is killed.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ops.runtime.supervisor import LEASH
from vocabulary.errors import Unavailable
from workers.scheduler import JobFailed

#: Characters of what an errand complained of that are told.
WORDS_MAX = 500
#: Seconds from asking an errand to end until it is killed.
GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildResult:
    """What came of an errand: its exit code, what it printed and what it complained of."""

    code: int
    said: str
    complaint: str

    def words(self) -> str:
        """Why it failed, in a line or less."""
        return self.complaint.strip()[-WORDS_MAX:] or f"ended with {self.code}"


class ChildJobs:
    """Runs errands, from any number of threads, until it is told to stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, command: Sequence[str], *, patience: timedelta) -> ChildResult:
        """Have a command done and wait for its end.

        Args:
            command: the program by its full path, and its arguments.
            patience: after which it is given up.

        Raises:
            Unavailable: this scheduler is stopping; somebody else has it done.
            JobFailed: it took longer than the patience.
        """
        process = self._begun(command)
        try:
            said, complaint = process.communicate(timeout=patience.total_seconds())
        except subprocess.TimeoutExpired as late:
            raise JobFailed(f"{_named(command)}: given up after {patience}") from late
        finally:
            _end(process)
            with self._lock:
                self._running.discard(process)
        if process.returncode < 0 and self._stopped:
            raise Unavailable(f"{_named(command)}: the scheduler is stopping")
        return ChildResult(code=process.returncode, said=said, complaint=complaint)

    def running(self) -> int:
        """How many are under way."""
        with self._lock:
            return len(self._running)

    def stop(self) -> None:
        """Ask what runs to end, and begin nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()

    def _begun(self, command: Sequence[str]) -> "subprocess.Popen[str]":
        leash = [sys.executable, "-I", "-S", LEASH, str(os.getpid())]
        with self._lock:
            if self._stopped:
                raise Unavailable(f"{_named(command)}: the scheduler is stopping")
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*leash, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._running.add(process)
            return process


def tieout_command(data_dir: Path, config: Path | None) -> list[str]:
    """How this very installation is called, on the same data and settings."""
    chosen = [] if config is None else ["--config", str(config)]
    return [sys.executable, "-m", "ops", "--data", str(data_dir), *chosen]


def _end(process: "subprocess.Popen[str]") -> None:
    """Make sure that it ended, and that nothing of it is left open."""
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
    """What it is about, without the paths before it."""
    words = [word for word in command if not word.startswith(("/", "-"))]
    return " ".join(words[1:] or words)
