"""One job: its progress, what it made, and what can be done about it."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus

from sqlalchemy import Connection

from console.acting import writers_for
from console.config import Visit
from console.pages.jobs.requesting import new_request_key
from console.pages.parameters import read_position
from console.rendering import local_text
from console.replies import (
    EventStream,
    FileDownload,
    HtmlPage,
    RequestRefused,
    SeeOther,
    StreamEvent,
    not_found,
)
from storage.jobs.model import JobFile, JobState, NewJobFile, StoredJob
from storage.jobs.queries import (
    content_of,
    files_of,
    is_scheduled,
    job_numbered,
    jobs_ahead,
)
from storage.jobs.requests import cancel_job, request_job
from storage.transactions import transaction
from vocabulary.errors import Malformed
from vocabulary.people import Right


def show(visit: Visit) -> HtmlPage:
    """The job as it is now."""
    with visit.console.readers.connect() as connection:
        job = named_job(visit, connection)
        waits = job.state is JobState.QUEUED
        files = files_of(connection, job.job_id)
        values = {
            "job": job,
            "sentence": sentence_of(job),
            "scheduled": is_scheduled(connection),
            "ahead": jobs_ahead(connection, job) if waits else 0,
            "uploaded": [file for file in files if file.direction == "in"],
            "made": [file for file in files if file.direction == "out"],
            "may": _may(visit, job),
            "request_key": new_request_key(),
        }
    return HtmlPage(template="jobs/job.html", values=values)


def events(visit: Visit) -> EventStream:
    """The progress of a job; the page is loaded again when its state is another one."""
    shown = visit.query.get("state", JobState.RUNNING)

    def read(_last: str) -> Sequence[StreamEvent]:
        with visit.console.readers.connect() as connection:
            job = named_job(visit, connection)
        if job.state.is_over or job.state != shown:
            return [StreamEvent(name="end", data={"why": sentence_of(job), "reload": True})]
        return [StreamEvent.values(_texts(job, visit.console.clock.now()))]

    with visit.console.readers.connect() as connection:
        named_job(visit, connection)
    return EventStream(read=read, every_s=1.0)


def _texts(job: StoredJob, now: datetime) -> dict[str, str]:
    """What changes on the page of a job while it runs."""
    return {
        "as_of": local_text(now, "UTC"),
        "sentence": sentence_of(job),
        "percent": "" if job.percent is None else f"{job.percent} %",
        "lines": "\n".join(job.progress),
    }


def download(visit: Visit) -> FileDownload:
    """A file of a job; the browser stores it and never shows it."""
    with visit.console.readers.connect() as connection:
        job = named_job(visit, connection)
        visit.signed_in.person.require(_files_right(visit, job))
        number = read_position("file", visit.path["file"])
        file = next((f for f in files_of(connection, job.job_id) if f.file_id == number), None)
        content = None if file is None else content_of(connection, file)
    if file is None or content is None:
        raise not_found("file", f"{visit.path['file']} of job {job.job_id}")
    made = file.direction == "out"  # a browser's guess about what it sent is worth nothing
    media_type = file.media_type if made else "application/octet-stream"
    return FileDownload(name=file.name, content_type=media_type, content=content)


def cancel(visit: Visit) -> SeeOther:
    """Cancel a job that waits."""
    with visit.console.readers.connect() as connection:
        job = named_job(visit, connection)
    person = visit.signed_in.person
    kind = visit.config.job_kinds.get(job.kind)
    if kind is not None:
        person.require(kind.right)
    with transaction(writers_for(visit.console, person), "jobs") as writer:
        cancel_job(writer, job.job_id, by=person.name, now=visit.now)
    return SeeOther(path=f"/jobs/{job.job_id}?done=cancelled")


def repeat(visit: Visit) -> SeeOther:
    """Request again what failed, was interrupted or cancelled, with the same files."""
    with visit.console.readers.connect() as connection:
        job = named_job(visit, connection)
        kind = visit.config.job_kinds.get(job.kind)
        if kind is None:
            raise not_found("kind of job", job.kind)
        if not job.state.is_over:
            return SeeOther(path=f"/jobs/{job.job_id}")
        visit.signed_in.person.require(kind.right)
        uploaded = [file for file in files_of(connection, job.job_id) if file.direction == "in"]
        files = [_again(connection, file) for file in uploaded]
    if job.dropped_at is not None or (kind.files_max and not files):
        raise RequestRefused(
            status=HTTPStatus.CONFLICT,
            title="Its file is gone",
            why="The file of this job was removed. Upload it again.",
        )
    person = visit.signed_in.person
    with transaction(writers_for(visit.console, person), "jobs") as writer:
        number = request_job(
            writer,
            kind,
            job.arguments,
            person=person,
            files=files,
            key=visit.form.get("request_key", ""),
        )
    return SeeOther(path=f"/jobs/{number}")


def named_job(visit: Visit, connection: Connection) -> StoredJob:
    """The job that the address names.

    Raises:
        RequestRefused: there is none.
    """
    name = visit.path["id"]
    try:
        number = read_position("job", name)
    except Malformed:
        number = None
    job = None if number is None else job_numbered(connection, number)
    if job is None:
        raise not_found("job", name)
    return job


def sentence_of(job: StoredJob) -> str:
    """What became of a job, in a sentence."""
    match job.state:
        case JobState.QUEUED:
            return f"{job.title} waits for its turn."
        case JobState.RUNNING:
            done = "" if job.percent is None else f", {job.percent} % done"
            return f"{job.title} is running{done}."
        case JobState.DONE:
            return f"{job.title} is done." if job.result is None else job.result.summary
        case JobState.FAILED:
            return f"{job.title} failed."
        case JobState.INTERRUPTED:
            return f"{job.title} was interrupted."
        case JobState.CANCELLED:
            return f"{job.title} was cancelled by {job.cancelled_by}."


def _may(visit: Visit, job: StoredJob) -> dict[str, bool]:
    """What the person may do to the job now, by name."""
    kind = visit.config.job_kinds.get(job.kind)
    allowed = kind is not None and visit.signed_in.person.may(kind.right)
    again = {JobState.FAILED, JobState.INTERRUPTED, JobState.CANCELLED}
    return {
        "download": visit.signed_in.person.may(_files_right(visit, job)),
        "cancel": allowed and job.state is JobState.QUEUED,
        "import": visit.signed_in.person.may(Right.IMPORT_FEEDS),
        "again": allowed and job.state in again and job.dropped_at is None,
    }


def _files_right(visit: Visit, job: StoredJob) -> Right:
    """What downloading files of the job needs, here as on the page of what they belong to."""
    kind = visit.config.job_kinds.get(job.kind)
    return Right.READ if kind is None else kind.files_right


def _again(connection: Connection, file: JobFile) -> NewJobFile:
    content = content_of(connection, file)
    if content is None:
        raise not_found("file", file.name)
    return NewJobFile(name=file.name, media_type=file.media_type, content=content)
