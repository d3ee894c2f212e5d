"""Reading jobs and their files."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, text

from storage.jobs.model import JobFile, JobResult, JobState, StoredJob

COLUMNS = (
    "job_id, kind, title, arguments, heavy, requested_by, requested_at, state, started_at,"
    " heartbeat_at, finished_at, cancelled_by, progress, percent, result, error, dropped_at"
)
_NUMBERED = text(f"SELECT {COLUMNS} FROM jobs WHERE job_id = :job_id")  # noqa: S608 - ours
_PAGE = text(f"""
SELECT {COLUMNS} FROM jobs
 WHERE (CAST(:before AS bigint) IS NULL OR job_id < :before)
   AND (CAST(:by AS text) IS NULL OR requested_by = :by)
   AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(:kinds))
   AND (NOT :active OR state IN ('queued', 'running'))
 ORDER BY job_id DESC LIMIT :limit
""")  # noqa: S608 - our own columns
_AHEAD = text("""
SELECT count(*) FROM jobs
 WHERE state IN ('queued', 'running') AND heavy = :heavy AND job_id < :job_id
""")
# A scheduler writes a heartbeat every two seconds.
_IS_SCHEDULED = text("""
SELECT EXISTS (SELECT FROM worker_heartbeats
                WHERE role = 'scheduler'
                  AND seen_at > clock_timestamp() - interval '30 seconds')
""")
_LAST_RESULT = text(f"""
SELECT {COLUMNS} FROM jobs
 WHERE kind = ANY(:kinds) AND state = 'done' AND result -> 'details' ->> :name = :value
 ORDER BY job_id DESC LIMIT 1
""")  # noqa: S608 - our own columns
_FILES = text("""
SELECT f.file_id, f.job_id, f.direction, f.name, f.media_type, f.sha256, f.size
  FROM job_files f JOIN jobs j USING (job_id)
 WHERE f.job_id = :job_id AND j.dropped_at IS NULL ORDER BY f.file_id
""")
_CONTENT = text("""
SELECT f.content FROM job_files f JOIN jobs j USING (job_id)
 WHERE f.job_id = :job_id AND f.file_id = :file_id AND j.dropped_at IS NULL
""")


def job_numbered(connection: Connection, number: int) -> StoredJob | None:
    """One job, or None."""
    row = connection.execute(_NUMBERED, {"job_id": number}).mappings().one_or_none()
    return None if row is None else job_of(row)


def jobs_before(
    connection: Connection,
    *,
    before: int | None = None,
    by: str | None = None,
    kinds: Sequence[str] | None = None,
    active: bool = False,
    limit: int,
) -> list[StoredJob]:
    """The newest jobs.

    Args:
        connection: a reader's.
        before: only jobs with a smaller number.
        by: only those that this person requested.
        kinds: only these kinds.
        active: only what waits or runs.
        limit: most jobs.
    """
    params = {
        "before": before,
        "by": by,
        "kinds": None if kinds is None else list(kinds),
        "active": active,
        "limit": limit,
    }
    return [job_of(row) for row in connection.execute(_PAGE, params).mappings()]


def last_result(
    connection: Connection, kinds: Sequence[str], name: str, value: str
) -> StoredJob | None:
    """The newest finished job of some kinds whose result has a detail with this value."""
    params = {"kinds": list(kinds), "name": name, "value": value}
    row = connection.execute(_LAST_RESULT, params).mappings().one_or_none()
    return None if row is None else job_of(row)


def jobs_ahead(connection: Connection, job: StoredJob) -> int:
    """How many jobs a job that waits has to wait for."""
    params = {"heavy": job.heavy, "job_id": job.job_id}
    return int(connection.execute(_AHEAD, params).scalar_one())


def is_scheduled(connection: Connection) -> bool:
    """Whether a scheduler shows that it is alive; without one nothing is done."""
    return bool(connection.execute(_IS_SCHEDULED).scalar_one())


def files_of(connection: Connection, number: int) -> list[JobFile]:
    """The files of a job, unless they were dropped."""
    rows = connection.execute(_FILES, {"job_id": number}).mappings()
    return [JobFile(**row) for row in rows]


def content_of(connection: Connection, file: JobFile) -> bytes | None:
    """The bytes of a file; None if it was dropped or removed meanwhile."""
    params = {"job_id": file.job_id, "file_id": file.file_id}
    content = connection.execute(_CONTENT, params).scalar_one_or_none()
    return None if content is None else bytes(content)


def job_of(row: RowMapping) -> StoredJob:
    """A row of ``COLUMNS`` as a job."""
    values = dict(row)
    values["state"] = JobState(values["state"])
    values["progress"] = tuple(values["progress"])
    if values["result"] is not None:
        values["result"] = JobResult.from_json(values["result"])
    return StoredJob(**values)
