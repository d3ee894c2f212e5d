"""Requesting jobs and cancelling those that wait: what the console's role may do.

Both write a row of the audit trail. Tables written: ``jobs``, ``job_files``, ``audit``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from storage.audit import record
from storage.jobs.kinds import JobKind
from storage.jobs.model import JobState, NewJobFile, StoredJob
from storage.jobs.queries import job_numbered
from vocabulary.errors import Malformed, NotAllowed
from vocabulary.people import Person
from vocabulary.texts import has_unstorable_text

#: Longest title, in characters.
TITLE_CHARS_MAX = 200
#: Longest key of a form, in characters.
KEY_CHARS_MAX = 100
_INSERT = text("""
INSERT INTO jobs (kind, title, arguments, heavy, digest, request_key, requested_by)
VALUES (:kind, :title, CAST(:arguments AS jsonb), :heavy, :digest, :key, :by)
ON CONFLICT DO NOTHING RETURNING job_id
""")
_SAME = text("""
SELECT job_id FROM jobs
 WHERE requested_by = :by AND digest = :digest
   AND (state IN ('queued', 'running') OR request_key = :key)
 ORDER BY job_id DESC LIMIT 1
""")
_INSERT_FILE = text("""
INSERT INTO job_files (job_id, name, media_type, sha256, content)
VALUES (:job_id, :name, :media_type, :sha256, :content)
""")
_CANCEL = text("""
UPDATE jobs SET state = 'cancelled', finished_at = :now, cancelled_by = :by
 WHERE job_id = :job_id AND state = 'queued'
""")
_DROP = text("""
UPDATE jobs SET dropped_at = :now
 WHERE job_id = :job_id AND state NOT IN ('queued', 'running') AND dropped_at IS NULL
""")


class JobNotCancelled(NotAllowed):
    """The job runs already, or is over."""


def request_job(
    connection: Connection,
    kind: JobKind,
    arguments: Mapping[str, Any],
    *,
    person: Person,
    files: Sequence[NewJobFile] = (),
    key: str = "",
) -> int:
    """Store a request; the scheduler does it within seconds.

    The same request while the first one waits or runs, or from the same form, is the same job.

    Args:
        connection: a transaction in the name of the person.
        kind: what is to be done.
        arguments: of the kind; JSON values.
        person: who requests it, and in whose name it is done.
        files: what it works on.
        key: of the form that was sent; empty: it has none.

    Returns:
        The number of the job.

    Raises:
        Malformed: an argument is wrong, or there are too many files.
        PersonRefused: the person has no right to it.
    """
    person.require(kind.right)
    if len(files) > kind.files_max:
        raise Malformed("files", f"at most {kind.files_max} are expected")
    values = kind.read(arguments)
    document = values.model_dump(mode="json")
    if has_unstorable_text(document):
        raise Malformed("text", "text without NUL is expected")
    digests = [hashlib.sha256(file.content).hexdigest() for file in files]
    params = {
        "kind": kind.name,
        "title": values.title()[:TITLE_CHARS_MAX],
        "arguments": json.dumps(document),
        "heavy": kind.heavy,
        "digest": _digest_of(kind.name, document, files, digests),
        "key": key[:KEY_CHARS_MAX] or None,
        "by": person.name,
    }
    number: int | None = None
    while number is None:  # the same request may end between the two statements
        number = connection.execute(_INSERT, params).scalar_one_or_none()
        if number is None:
            same = connection.execute(_SAME, params).scalar_one_or_none()
            if same is not None:
                return int(same)
    for file, sha256 in zip(files, digests, strict=True):
        row = {"job_id": number, "sha256": sha256, "content": file.content}
        names = {"name": file.name, "media_type": file.media_type}
        connection.execute(_INSERT_FILE, {**row, **names})
    detail = {"kind": kind.name, "title": params["title"], "files": digests}
    record(connection, person.name, "job.requested", _subject(number), detail)
    return number


def cancel_job(connection: Connection, number: int, *, by: str, now: datetime) -> StoredJob:
    """Cancel a job that waits.

    Raises:
        NotAllowed: there is no such job.
        JobNotCancelled: it runs, or is over.
    """
    job = job_numbered(connection, number)
    if job is None:
        raise NotAllowed(f"there is no job {number}")
    params = {"job_id": number, "by": by, "now": now}
    if not connection.execute(_CANCEL, params).rowcount:
        state = job.state if job.state is not JobState.QUEUED else "running"
        raise JobNotCancelled(f"job {number} is {state}: only a job that waits is cancelled")
    record(connection, by, "job.cancelled", _subject(number), {"kind": job.kind})
    return job


def drop_files(connection: Connection, number: int, *, by: str, now: datetime) -> bool:
    """Have the files of a job that is over removed at once; False if nothing changed."""
    dropped = connection.execute(_DROP, {"job_id": number, "now": now}).rowcount > 0
    if dropped:
        record(connection, by, "job.files_dropped", _subject(number), {})
    return dropped


def _subject(number: int) -> str:
    return f"job {number}"


def _digest_of(
    kind: str, document: object, files: Sequence[NewJobFile], digests: Sequence[str]
) -> str:
    named = [[file.name, digest] for file, digest in zip(files, digests, strict=True)]
    canonical = json.dumps([kind, document, named], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
