"""Misbehaviour on request.

A fault meant for a path waits there for the next requests; the header ``X-Simulate`` or the
query ``simulate`` asks for one at once. A refusal or a failure happens instead of the work. A
slow response, a web page or half a document comes after it, so that callers meet work that was
done although its response could not be understood.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.protocol.api_faults import ApiFault, FaultControl, RecordedRequest

#: How a request asks for a fault.
HEADER = "X-Simulate"
QUERY = "simulate"

PAGE = b"<!doctype html><title>Just a moment</title><h1>Checking your browser</h1>"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiRefusal(Exception):
    """A response other than success.

    Attributes:
        code: the error in the words of the system; where it has no codes, the whole text.
        retry_after: seconds sent with a 429, or None.
    """

    def __init__(
        self, status: int, code: str, message: str = "", *, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message or code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalStyle:
    """How one system refuses.

    Attributes:
        document: the JSON of a refusal.
        faults: the refusal of each status that can be asked for.
        not_found, method_wrong: the refusals of requests that no endpoint serves.
    """

    document: Callable[[ApiRefusal], Mapping[str, object]]
    faults: Mapping[ApiFault, ApiRefusal]
    not_found: ApiRefusal
    method_wrong: ApiRefusal


def application(control: FaultControl, style: RefusalStyle) -> web.Application:
    """An application whose every response is JSON, misbehaving as its control says."""

    @web.middleware
    async def respond(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = _path(request)
        name = request.headers.get(HEADER) or request.query.get(QUERY)
        fault = control.next_fault(name, path)
        try:
            response = await _handled(request, handler, style, fault)
        except ApiRefusal as refusal:
            response = _refusal(refusal, style, control)
        spoiled = await _spoiled(response, fault, control)
        control.requests.append(RecordedRequest(request.method, path, spoiled.status))
        return spoiled

    return web.Application(middlewares=[respond])


def _path(request: web.Request) -> str:
    """The path below the place where the application is mounted."""
    prefix = request.match_info.apps[-1].get(MOUNT, "") if request.match_info.apps else ""
    return request.path.removeprefix(prefix)


#: Where an application is mounted below another.
MOUNT = web.AppKey("mount", str)


async def _handled(
    request: web.Request, handler: Handler, style: RefusalStyle, fault: ApiFault | None
) -> web.StreamResponse:
    refusal = style.faults.get(fault) if fault else None
    if refusal is not None:
        raise refusal
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed:
        raise style.method_wrong from None
    except web.HTTPNotFound:
        raise style.not_found from None


def _refusal(refusal: ApiRefusal, style: RefusalStyle, control: FaultControl) -> web.Response:
    headers = {}
    if refusal.status == web.HTTPTooManyRequests.status_code:
        seconds = control.retry_after if refusal.retry_after is None else refusal.retry_after
        headers["Retry-After"] = str(seconds)
    return web.json_response(style.document(refusal), status=refusal.status, headers=headers)


async def _spoiled(
    response: web.StreamResponse, fault: ApiFault | None, control: FaultControl
) -> web.StreamResponse:
    if fault is ApiFault.HTML:
        return web.Response(body=PAGE, content_type="text/html")
    if fault is ApiFault.SLOW:
        try:
            await asyncio.wait_for(control.resume.wait(), control.slow_s)
        except TimeoutError:
            return response
    if fault is ApiFault.TRUNCATED and isinstance(response, web.Response):
        body = response.body
        assert isinstance(body, bytes)
        half = body[: len(body) // 2]
        return web.Response(status=response.status, body=half, content_type="application/json")
    return response


async def object_of(request: web.Request, wrong: ApiRefusal) -> dict[str, object]:
    """The JSON object that a request carries.

    Raises:
        Refused: ``wrong``, for any other body.
    """
    try:
        document = json.loads(await request.read())
    except ValueError:
        raise wrong from None
    if not isinstance(document, dict):
        raise wrong
    return document
