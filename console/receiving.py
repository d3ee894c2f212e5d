"""Reading the form of a request, or finding the answer to one that cannot be read."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from console.config import Console
from console.gate import GateOutcome, Incoming, Route, failed, turned_away
from console.rendering import bytes_text
from console.replies import RequestRefused
from console.uploads import (
    FILES_MAX,
    FORM_BYTES_MAX,
    FormNotAdmitted,
    FormTooLong,
    ReceivedForm,
    TooManyFiles,
    UploadFolder,
    read_fields,
    read_files,
)

#: Forms whose files are read at the same time.
UPLOADS = 4


class FormReader:
    """Reads forms; files only of people who may send them, and few at a time."""

    def __init__(self, console: Console, threads: Executor) -> None:
        self._console = console
        self._threads = threads
        self._uploads = asyncio.Semaphore(UPLOADS)

    async def read(
        self, route: Route, incoming: Incoming, request: web.Request, folder: UploadFolder
    ) -> Incoming | GateOutcome:
        """The request with its form; or the answer, if the form is refused."""
        if request.method != "POST":
            return incoming
        try:
            if route.takes_files:
                form = await self._with_files(route, incoming, request, folder)
            else:
                form = await read_fields(request)
        except (
            web.HTTPRequestEntityTooLarge,
            HttpProcessingError,
            FormTooLong,
            TooManyFiles,
            ValueError,
        ) as error:
            return failed(_no_form(error), route, None)
        if isinstance(form, GateOutcome):
            return form
        return replace(incoming, form=form.fields, files=form.files)

    async def _with_files(
        self, route: Route, incoming: Incoming, request: web.Request, folder: UploadFolder
    ) -> ReceivedForm | GateOutcome:
        outcome: GateOutcome | None = None
        is_counted = False

        async def admit(fields: Mapping[str, str]) -> bool:
            nonlocal outcome, is_counted
            sender = replace(incoming, form=fields)
            check = partial(turned_away, self._console, route, sender)
            outcome = await asyncio.get_running_loop().run_in_executor(self._threads, check)
            if outcome is None:
                is_counted = await self._uploads.acquire()
            return outcome is None

        bytes_max = self._console.config.upload_bytes_max
        try:
            return await read_files(request, folder, bytes_max=bytes_max, admit=admit)
        except FormNotAdmitted:
            assert outcome is not None, "whoever is not admitted gets an answer"
            return outcome
        finally:
            if is_counted:
                self._uploads.release()


def _no_form(error: Exception) -> RequestRefused:
    if isinstance(error, web.HTTPRequestEntityTooLarge | FormTooLong):
        limit = error.limit if isinstance(error, FormTooLong) else FORM_BYTES_MAX
        return RequestRefused(
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            title="Too long",
            why=f"At most {bytes_text(limit)} are expected."
            " Nothing was done. Nothing was stored.",
        )
    why = "What was sent cannot be read as a form. Nothing was done."
    if isinstance(error, TooManyFiles):
        why = f"A form takes at most {FILES_MAX} files. Nothing was stored: send some apart."
    return RequestRefused(status=HTTPStatus.BAD_REQUEST, title="No form", why=why)
