"""Jobs of the scheduler: the list, one, its files, and a request of each kind."""

from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection

from console.acting import writers_for
from console.api.endpoint import Create, Endpoint, Read, Write
from console.api.models import jobs as models
from console.api.models.breaks import NoBody
from console.api.models.jobs import (
    FileJson,
    ImportBody,
    JobDetailJson,
    JobFileJson,
    JobJson,
    JobLinkJson,
    JobListJson,
    JobListQuery,
    UploadBody,
)
from console.config import Visit
from console.pages.breaks.listing import PAGE_ROWS
from console.pages.feeds import preview
from console.pages.jobs import job_detail
from console.pages.jobs.job_detail import named_job, sentence_of
from console.pages.jobs.requesting import KEY_FIELD
from console.pages.parameters import provider_named, read_position
from console.replies import FileDownload, SeeOther
from storage.jobs.model import JobState, NewJobFile, StoredJob
from storage.jobs.queries import files_of, jobs_ahead, jobs_before
from storage.jobs.requests import request_job
from storage.transactions import transaction
from vocabulary.cursors import cut_rows
from vocabulary.people import Right

_TAG = "jobs"
_SAME = (
    *("kind", "title", "state", "requested_by", "requested_at", "started_at", "finished_at"),
    *("cancelled_by", "percent", "error", "dropped_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedKind:
    """A kind of job that the API requests.

    Attributes:
        name: of the kind; ``right`` is what the kind needs.
        body: its arguments; with a ``file`` if it works on one.
    """

    name: str
    right: Right
    summary: str
    body: type[BaseModel]


KINDS = (
    RequestedKind(
        name="day.run",
        right=Right.RUN_DAYS,
        summary="Compare a day; it stays open",
        body=models.DayJobBody,
    ),
    RequestedKind(
        name="day.close",
        right=Right.PREPARE_DAYS,
        summary="Compare a day and close it",
        body=models.CloseJobBody,
    ),
    RequestedKind(
        name="day.sweep",
        right=Right.RUN_DAYS,
        summary="Sweep a day of several providers",
        body=models.SweepJobBody,
    ),
    RequestedKind(
        name="rules.what-if",
        right=Right.RUN_DAYS,
        summary="Try other rules on the last days; nothing is stored",
        body=models.WhatIfJobBody,
    ),
    RequestedKind(
        name="feed.preview",
        right=Right.IMPORT_FEEDS,
        summary="Preview a statement; nothing but the file is stored",
        body=models.UploadBody,
    ),
    RequestedKind(
        name="feed.pull",
        right=Right.IMPORT_FEEDS,
        summary="Pull every feed of a provider now",
        body=models.ProviderBody,
    ),
    RequestedKind(
        name="dispute.export",
        right=Right.DISPUTE,
        summary="Write the pack of a dispute",
        body=models.DisputeJobBody,
    ),
    RequestedKind(
        name="dispute.import",
        right=Right.DISPUTE,
        summary="Import a provider's answers from a file",
        body=models.TableUploadBody,
    ),
    RequestedKind(
        name="invoice.receive",
        right=Right.RECORD_INVOICES,
        summary="Register an invoice and check it",
        body=models.InvoiceUploadBody,
    ),
    RequestedKind(
        name="invoice.check",
        right=Right.RECORD_INVOICES,
        summary="Check an invoice by the books as they are now",
        body=models.InvoiceJobBody,
    ),
    RequestedKind(
        name="invoice.approve",
        right=Right.APPROVE_INVOICES,
        summary="Check an invoice again and approve it",
        body=models.ApproveJobBody,
    ),
    RequestedKind(
        name="statement.write",
        right=Right.READ,
        summary="Write the statement of a period",
        body=models.StatementJobBody,
    ),
    RequestedKind(
        name="journal.export",
        right=Right.EXPORT_JOURNALS,
        summary="Write the journals of a period as a file for an accounting program",
        body=models.JournalJobBody,
    ),
)


def list_jobs(visit: Visit) -> JobListJson:
    """Jobs, the newest first."""
    limit, kind = int(visit.query.get("limit", PAGE_ROWS)), visit.query.get("kind")
    with visit.console.readers.connect() as connection:
        jobs = jobs_before(
            connection,
            before=read_position("after", visit.query.get("after")),
            by=visit.query.get("by"),
            kinds=None if kind is None else [kind],
            active=visit.query.get("active") == "true",
            limit=limit + 1,
        )
    shown, last = cut_rows(jobs, limit)
    return JobListJson(
        items=tuple(JobJson(**job_fields(job)) for job in shown),
        next=None if last is None else str(last.job_id),
    )


def show_job(visit: Visit) -> JobDetailJson:
    """One job as it is now."""
    with visit.console.readers.connect() as connection:
        return _detail(connection, named_job(visit, connection))


def show_file(visit: Visit) -> FileJson:
    """A file of a job."""
    return file_json(job_detail.download(visit))


def file_json(file: FileDownload) -> FileJson:
    """A file of a page, as JSON carries it."""
    return FileJson(
        name=file.name,
        media_type=file.content_type,
        size=len(file.content),
        content=b64encode(file.content).decode(),
    )


def job_fields(job: StoredJob) -> dict[str, Any]:
    """The fields of ``JobJson``."""
    return {
        "id": str(job.job_id),
        "arguments": dict(job.arguments),
        "sentence": sentence_of(job),
        **{name: getattr(job, name) for name in _SAME},
    }


def request_kind(kind: str, body: BaseModel, visit: Visit) -> JobDetailJson:
    """Request a job with the fields of a body as its arguments."""
    arguments = body.model_dump(mode="json", exclude={"file"})
    for slug in filter(None, [arguments.get("provider"), *arguments.get("providers", ())]):
        provider_named(visit.config, slug)
    person = visit.signed_in.person
    with transaction(writers_for(visit.console, person), "jobs") as connection:
        number = request_job(
            connection,
            visit.config.job_kinds[kind],
            arguments,
            person=person,
            files=_files_of(body),
            key=visit.form[KEY_FIELD],
        )
    return _numbered(visit, str(number))


def import_previewed(body: ImportBody, visit: Visit) -> JobDetailJson:
    """Request the import of the bytes that a job previewed."""
    form = {**visit.form, "restates": "yes" if body.restates else ""}
    return _opened(visit, preview.confirm(replace(visit, form=form)))


def repeat(_body: NoBody, visit: Visit) -> JobDetailJson:
    """Request again what failed, was interrupted or cancelled."""
    return _opened(visit, job_detail.repeat(visit))


def _opened(visit: Visit, reply: SeeOther) -> JobDetailJson:
    """The job whose page a reply leads to."""
    return _numbered(visit, reply.path.rpartition("/")[2])


def _numbered(visit: Visit, number: str) -> JobDetailJson:
    return show_job(replace(visit, path={"id": number}))


def _files_of(body: BaseModel) -> list[NewJobFile]:
    if not isinstance(body, UploadBody):
        return []
    content = b64decode(body.file.content)
    media_type = "application/octet-stream"
    return [NewJobFile(name=body.file.name, media_type=media_type, content=content)]


def _detail(connection: Connection, job: StoredJob) -> JobDetailJson:
    result = job.result
    links = () if result is None else result.links
    return JobDetailJson(
        **job_fields(job),
        progress=job.progress,
        ahead=jobs_ahead(connection, job) if job.state is JobState.QUEUED else 0,
        links=tuple(JobLinkJson(path=link.path, text=link.text) for link in links),
        details={} if result is None else dict(result.details),
        files=tuple(
            JobFileJson(
                id=str(file.file_id),
                **{
                    name: getattr(file, name)
                    for name in ("direction", "name", "media_type", "sha256", "size")
                },
            )
            for file in files_of(connection, job.job_id)
        ),
    )


def _request(kind: RequestedKind) -> Create:
    return Create(
        path=f"/jobs/{kind.name}",
        summary=kind.summary,
        tag=_TAG,
        right=kind.right,
        act=lambda body, visit: request_kind(kind.name, body, visit),
        body=kind.body,
        answer=JobDetailJson,
        takes_file=issubclass(kind.body, UploadBody),
    )


_JOB = Read(
    path="/jobs/{id}",
    summary="One job with its progress, result and files",
    tag=_TAG,
    right=Right.READ,
    show=show_job,
    answer=JobDetailJson,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/jobs",
        summary="Jobs in pages, the newest first",
        tag=_TAG,
        right=Right.READ,
        show=list_jobs,
        answer=JobListJson,
        query=JobListQuery,
    ),
    *(_request(kind) for kind in KINDS),
    _JOB,
    Read(
        path="/jobs/{id}/files/{file}",
        summary="A file of a job with its bytes",
        tag=_TAG,
        right=Right.READ,
        show=show_file,
        answer=FileJson,
    ),
    # The kind of the job decides who may cancel it or request it again.
    Write(
        path="/jobs/{id}/cancel",
        summary="Cancel a job that waits",
        tag=_TAG,
        right=Right.READ,
        act=job_detail.cancel,
        body=NoBody,
        of=_JOB,
        needs_version=False,
    ),
    Create(
        path="/jobs/{id}/again",
        summary="Request again what failed, was interrupted or cancelled",
        tag=_TAG,
        right=Right.READ,
        act=repeat,
        body=NoBody,
        answer=JobDetailJson,
    ),
    Create(
        path="/jobs/{id}/import",
        summary="Import exactly the bytes that the job previewed",
        tag=_TAG,
        right=Right.IMPORT_FEEDS,
        act=import_previewed,
        body=ImportBody,
        answer=JobDetailJson,
    ),
    Write(
        path="/jobs/{id}/drop",
        summary="Remove the file that the job previewed; nothing was imported",
        tag=_TAG,
        right=Right.IMPORT_FEEDS,
        act=preview.drop,
        body=NoBody,
        of=_JOB,
        needs_version=False,
    ),
)
