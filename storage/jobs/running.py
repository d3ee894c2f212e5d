"""How a runner takes jobs, shows that it is alive, and ends them. Only the owner may.

A job is taken once: it runs to its end, or is marked interrupted when its runner shows no sign
of life. What an interrupted job did in transactions of its own stays.

Tables written: ``jobs``, ``job_files``, ``audit``.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from storage.audit import record
from storage.jobs.model import JobResult, NewJobFile, StoredJob
from storage.jobs.queries import COLUMNS, job_of
from vocabulary.errors import Contradiction
from vocabulary.texts import storable_document

#: Most lines of progress that are kept, and most characters of a line.
PROGRESS_LINES_MAX, PROGRESS_CHARS_MAX = 200, 500
#: Longest error that is kept, in characters.
ERROR_CHARS_MAX = 4_000
#: What the audit trail calls the runner.
RUNNER = "tieout"
INTERRUPTED = (
    "its process ended before it was done: what it had stored stays, so look, and request it"
    " again"
)
_TAKE = text(f"""
UPDATE jobs SET state = 'running', runner = :runner, started_at = clock_timestamp(),
                heartbeat_at = clock_timestamp()
 WHERE job_id = (SELECT job_id FROM jobs
                  WHERE state = 'queued' AND heavy = :heavy
                    AND NOT (heavy AND EXISTS (
                        SELECT FROM jobs r WHERE r.state = 'running' AND r.heavy))
                  ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {COLUMNS}
""")  # noqa: S608 - our own columns
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:lock)")
_BEAT = text("""
UPDATE jobs SET heartbeat_at = clock_timestamp()
 WHERE job_id = :job_id AND runner = :runner AND state = 'running'
""")
_PROGRESS = text("""
UPDATE jobs SET progress = (array_cat(progress, CAST(:lines AS text[])))
                           [greatest(1, cardinality(progress) + :count - :most + 1):],
                percent = coalesce(:percent, percent)
 WHERE job_id = :job_id AND runner = :runner AND state = 'running'
""")
_DONE = text("""
UPDATE jobs SET state = 'done', finished_at = clock_timestamp(), percent = 100,
                result = CAST(:result AS jsonb)
 WHERE job_id = :job_id AND runner = :runner AND state = 'running'
""")
_END = text("""
UPDATE jobs SET state = :state, finished_at = clock_timestamp(), error = :error
 WHERE job_id = :job_id AND runner = :runner AND state = 'running'
""")
_LOST = text("""
UPDATE jobs SET state = 'interrupted', finished_at = clock_timestamp(), error = :error
 WHERE state = 'running' AND heartbeat_at < clock_timestamp() - :silence
RETURNING job_id, kind, requested_by
""")
_INSERT_FILE = text("""
INSERT INTO job_files (job_id, direction, name, media_type, sha256, content)
VALUES (:job_id, 'out', :name, :media_type, :sha256, :content)
""")
_REMOVE_FILES = text("""
DELETE FROM job_files f USING jobs j
 WHERE j.job_id = f.job_id AND (j.finished_at < :before OR j.dropped_at IS NOT NULL)
""")
_REMOVE = text("DELETE FROM jobs WHERE finished_at < :before")
#: Advisory lock number under which runners take jobs.
_TAKE_LOCK = 0x7E0B


def take_job(connection: Connection, runner: str, *, heavy: bool) -> StoredJob | None:
    """Take the oldest job that waits, or None; at most one heavy job runs at a time."""
    connection.execute(_ONE_AT_A_TIME, {"lock": _TAKE_LOCK})
    params = {"runner": runner, "heavy": heavy}
    row = connection.execute(_TAKE, params).mappings().one_or_none()
    return None if row is None else job_of(row)


def beat_job(connection: Connection, number: int, runner: str) -> bool:
    """Show that a runner is alive; False if the job is not its own any more."""
    return connection.execute(_BEAT, {"job_id": number, "runner": runner}).rowcount > 0


def report_progress(
    connection: Connection,
    number: int,
    runner: str,
    *,
    lines: Sequence[str],
    percent: int | None,
) -> None:
    """Add lines of progress.

    Raises:
        Contradiction: the job is not the runner's any more.
    """
    storable = storable_document(list(lines))
    newest = [line[:PROGRESS_CHARS_MAX] for line in storable][-PROGRESS_LINES_MAX:]
    params = {
        "job_id": number,
        "runner": runner,
        "lines": newest,
        "count": len(newest),
        "most": PROGRESS_LINES_MAX,
        "percent": percent,
    }
    _own(connection.execute(_PROGRESS, params).rowcount, number)


def finish_job(
    connection: Connection,
    job: StoredJob,
    runner: str,
    result: JobResult,
    files: Sequence[NewJobFile],
) -> None:
    """Store what a job made, and that it is done.

    Raises:
        Contradiction: the job is not the runner's any more.
    """
    for file in files:
        sha256 = hashlib.sha256(file.content).hexdigest()
        row = {"job_id": job.job_id, "name": file.name, "media_type": file.media_type}
        connection.execute(_INSERT_FILE, {**row, "sha256": sha256, "content": file.content})
    # jsonb holds no NUL, which a file may have where its columns are named.
    document = json.dumps(storable_document(result.to_json()))
    params = {"job_id": job.job_id, "runner": runner, "result": document}
    _own(connection.execute(_DONE, params).rowcount, job.job_id)
    _record(connection, job.job_id, "done", job.kind, job.requested_by)


def fail_job(
    connection: Connection, job: StoredJob, runner: str, error: str, *, interrupted: bool
) -> bool:
    """Store why a job is not done; False if it ended already.

    Args:
        connection: the owner's.
        job: what was run.
        runner: who ran it.
        error: why it is not done.
        interrupted: the runner itself ended, so that nothing is wrong with the job.
    """
    state = "interrupted" if interrupted else "failed"
    kept = storable_document(error[:ERROR_CHARS_MAX])  # it may quote a file
    params = {"job_id": job.job_id, "runner": runner, "state": state, "error": kept}
    ended = connection.execute(_END, params).rowcount
    if ended:
        _record(connection, job.job_id, state, job.kind, job.requested_by)
    return ended > 0


def mark_interrupted(connection: Connection, silence: timedelta) -> list[int]:
    """Mark the jobs whose runner showed no sign of life for a time; returns their numbers."""
    rows = connection.execute(_LOST, {"error": INTERRUPTED, "silence": silence}).all()
    for number, kind, by in rows:
        _record(connection, number, "interrupted", kind, by)
    return [number for number, _, _ in rows]


def remove_old(connection: Connection, *, jobs_before: datetime, files_before: datetime) -> int:
    """Remove jobs that ended before an instant, and files that nobody needs any more."""
    connection.execute(_REMOVE_FILES, {"before": files_before})
    return connection.execute(_REMOVE, {"before": jobs_before}).rowcount


def _own(rows: int, number: int) -> None:
    if not rows:
        raise Contradiction(f"job {number} was marked interrupted meanwhile")


def _record(connection: Connection, number: int, state: str, kind: str, by: str) -> None:
    detail = {"kind": kind, "requested_by": by}
    record(connection, RUNNER, f"job.{state}", f"job {number}", detail)
