"""Kinds of jobs that only tests have, and what they do."""

import os
import time
from datetime import timedelta
from pathlib import Path

from ops.jobs.work import JobRun
from storage.audit import record
from storage.jobs.kinds import JobArguments, JobKind
from storage.jobs.model import JobLink, JobResult
from vocabulary.errors import NotAllowed
from vocabulary.people import Right

_HERE = "tests.harness.jobs"


class Words(JobArguments):
    """A text, and a file that shows where the job is."""

    text: str = "hello"
    mark: str = ""

    def title(self) -> str:
        return f"Say {self.text}"


def kind(name: str, function: str, *, heavy: bool = False, files_max: int = 0) -> JobKind:
    """A kind whose function stands below."""
    return JobKind(
        name=name,
        right=Right.WORK_BREAKS,
        arguments=Words,
        run=f"{_HERE}:{function}",
        heavy=heavy,
        files_max=files_max,
        timeout=timedelta(minutes=1),
    )


def say(run: JobRun) -> JobResult:
    """Write progress, an audit row in the person's name, and a file."""
    assert isinstance(run.arguments, Words)
    run.progress("begun", 10)
    for number in range(300):
        run.progress(f"line {number}")
    with run.engine.begin() as connection:
        record(connection, run.by, "words.said", "words", {"text": run.arguments.text})
    sent = b"".join(run.read(file) for file in run.files)
    run.write("said.txt", "text/plain", run.arguments.text.encode() + sent)
    return JobResult(
        summary=f"Said {run.arguments.text}.", links=(JobLink(path="/days", text="Days"),)
    )


def refuse(_run: JobRun) -> JobResult:
    """Refuse, as the rules do."""
    raise NotAllowed("the rules do not allow it")


def break_down(_run: JobRun) -> JobResult:
    """Have a bug."""
    raise ZeroDivisionError("a secret")


def linger(run: JobRun) -> JobResult:
    """Say where the job is, and stay until the mark is removed."""
    assert isinstance(run.arguments, Words)
    mark = Path(run.arguments.mark)
    mark.write_text(str(os.getpid()))
    while mark.exists():
        time.sleep(0.05)
    return JobResult(summary="Lingered.")


KINDS = {
    each.name: each
    for each in (
        kind("words.say", "say", files_max=2),
        kind("words.refuse", "refuse"),
        kind("words.break", "break_down"),
        kind("words.linger", "linger", heavy=True),
    )
}
