"""How pages request work that the console itself may not or cannot do."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from console.acting import writers_for
from console.config import Visit
from console.replies import SeeOther
from console.uploads import UploadedFile
from storage.jobs.model import NewJobFile
from storage.jobs.requests import request_job
from storage.transactions import transaction

#: The field of a form that tells a second click from a second request.
KEY_FIELD = "request_key"


def new_request_key() -> str:
    """A key for a form; ``request`` reads it from the field ``request_key``."""
    return secrets.token_urlsafe(12)


def request(
    visit: Visit,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    files: Sequence[UploadedFile] = (),
) -> SeeOther:
    """Request a job for the person of the session, and open its page.

    Raises:
        Malformed: an argument is wrong, or there are too many files.
        PersonRefused: the person has no right to it.
    """
    return SeeOther(path=f"/jobs/{request_number(visit, kind, arguments, files=files)}")


def request_number(
    visit: Visit,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    files: Sequence[UploadedFile] = (),
) -> int:
    """Request a job for the person of the session; returns its number.

    Raises as ``request``.
    """
    person = visit.signed_in.person
    with transaction(writers_for(visit.console, person), "jobs") as connection:
        return request_job(
            connection,
            visit.config.job_kinds[kind],
            arguments,
            person=person,
            files=[_new(file) for file in files],
            key=visit.form.get(KEY_FIELD, ""),
        )


def _new(file: UploadedFile) -> NewJobFile:
    return NewJobFile(name=file.name, media_type=file.media_type, content=file.read())
