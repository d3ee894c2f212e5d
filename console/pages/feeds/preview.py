"""What people do with a previewed statement: import exactly those bytes, or drop them."""

from http import HTTPStatus

from console.acting import writers_for
from console.config import Visit
from console.pages.jobs.job_detail import named_job
from console.pages.jobs.requesting import request
from console.pages.parameters import required
from console.replies import RequestRefused, SeeOther
from storage.jobs.model import StoredJob
from storage.jobs.requests import drop_files
from storage.transactions import transaction
from vocabulary.people import Right


def confirm(visit: Visit) -> SeeOther:
    """Import the bytes whose digest the page showed."""
    job = _previewed(visit)
    arguments = {
        "provider": job.arguments["provider"],
        "preview": job.job_id,
        "sha256": required(visit.form, "sha256", "the digest of the file"),
        "restates": visit.form.get("restates") == "yes",
    }
    return request(visit, "feed.import", arguments)


def drop(visit: Visit) -> SeeOther:
    """Remove the uploaded file; nothing was imported."""
    job = _previewed(visit)
    person = visit.signed_in.person
    person.require(Right.IMPORT_FEEDS)
    with transaction(writers_for(visit.console, person), "jobs") as connection:
        drop_files(connection, job.job_id, by=person.name, now=visit.now)
    return SeeOther(path=f"/feeds/{job.arguments['provider']}?done=dropped")


def _previewed(visit: Visit) -> StoredJob:
    """The preview that the address names, if its file is still there."""
    with visit.console.readers.connect() as connection:
        job = named_job(visit, connection)
    if job.kind != "feed.preview" or not job.state.is_over:
        raise _refused("It is no preview that is done.")
    if job.dropped_at is not None:
        raise _refused("Its file was imported or dropped meanwhile. Upload it again.")
    return job


def _refused(why: str) -> RequestRefused:
    return RequestRefused(
        status=HTTPStatus.CONFLICT, title="Nothing to import", why=f"{why} Nothing was done."
    )
