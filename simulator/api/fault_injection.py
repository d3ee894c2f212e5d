"""Misbehaviour on request, and the log of what was asked.

A trouble meant for a path waits there for the requests to come; the header ``X-Simulate`` or
the query ``simulate`` asks for one at once. Refusing and failing happen instead of the work;
answering slowly, with a page, or with half a document happens after it, so that a caller can
meet work done whose answer it never understood.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web

#: How a request asks for a trouble.
HEADER = "X-Simulate"
QUERY = "simulate"

PAGE = b"<!doctype html><title>Just a moment</title><h1>Checking your browser</h1>"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiFault(StrEnum):
    """What can be asked for; the value is what the header or the query says."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    UNPROCESSABLE = "422"
    TOO_MANY = "429"
    FAILURE = "500"
    SLOW = "slow"
    HTML = "html"
    TRUNCATED = "truncated"


class ApiRefusal(Exception):
    """An answer other than success.

    Attributes:
        code: the error in the words of the system; where it has no codes, the whole text.
        retry_after: seconds told with a 429, or None.
    """

    def __init__(
        self, status: int, code: str, message: str = "", *, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message or code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request that was answered; ``status`` is what was answered."""

    method: str
    path: str
    status: int


@dataclass(slots=True, kw_only=True)
class FaultControl:
    """The handle of whoever runs an API.

    Attributes:
        retry_after: seconds told with a 429.
        slow_s: longest time a slow answer waits, in seconds.
        resume: ends the waiting of slow answers.
        asked: every request in the order of their answers.
    """

    retry_after: int = 1
    slow_s: float = 30.0
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[RecordedRequest] = field(default_factory=list)
    _waiting: dict[str, deque[ApiFault]] = field(default_factory=dict)

    def trouble(self, path: str, trouble: ApiFault, *, times: int = 1) -> None:
        """Misbehave on the next ``times`` requests of a path, after what waits already."""
        self._waiting.setdefault(path, deque()).extend([trouble] * times)

    def count(self, path: str) -> int:
        """How many requests of a path were answered."""
        return sum(one.path == path for one in self.asked)

    def next_trouble(self, request: web.Request, path: str) -> ApiFault | None:
        """What this request meets: what it asks for itself, else what waits for its path."""
        wanted = request.headers.get(HEADER) or request.query.get(QUERY)
        if wanted in set(ApiFault):
            return ApiFault(wanted)
        waiting = self._waiting.get(path)
        return waiting.popleft() if waiting else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalStyle:
    """How one system refuses.

    Attributes:
        document: the JSON of a refusal.
        troubles: the refusal of each status that can be asked for.
        not_found, method_wrong: the refusals of requests that no endpoint serves.
    """

    document: Callable[[ApiRefusal], Mapping[str, object]]
    troubles: Mapping[ApiFault, ApiRefusal]
    not_found: ApiRefusal
    method_wrong: ApiRefusal


def application(control: FaultControl, manner: RefusalStyle) -> web.Application:
    """An application whose every answer is JSON, misbehaving as its control says."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = _path(request)
        trouble = control.next_trouble(request, path)
        try:
            response = await _handled(request, handler, manner, trouble)
        except ApiRefusal as refused:
            response = _refusal(refused, manner, control)
        spoiled = await _spoiled(response, trouble, control)
        control.asked.append(RecordedRequest(request.method, path, spoiled.status))
        return spoiled

    return web.Application(middlewares=[answer])


def _path(request: web.Request) -> str:
    """The path below the place where the application is mounted."""
    prefix = request.match_info.apps[-1].get(MOUNT, "") if request.match_info.apps else ""
    return request.path.removeprefix(prefix)


#: Where an application is mounted below another.
MOUNT = web.AppKey("mount", str)


async def _handled(
    request: web.Request, handler: Handler, manner: RefusalStyle, trouble: ApiFault | None
) -> web.StreamResponse:
    refused = manner.troubles.get(trouble) if trouble else None
    if refused is not None:
        raise refused
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed:
        raise manner.method_wrong from None
    except web.HTTPNotFound:
        raise manner.not_found from None


def _refusal(refused: ApiRefusal, manner: RefusalStyle, control: FaultControl) -> web.Response:
    headers = {}
    if refused.status == web.HTTPTooManyRequests.status_code:
        seconds = control.retry_after if refused.retry_after is None else refused.retry_after
        headers["Retry-After"] = str(seconds)
    return web.json_response(manner.document(refused), status=refused.status, headers=headers)


async def _spoiled(
    response: web.StreamResponse, trouble: ApiFault | None, control: FaultControl
) -> web.StreamResponse:
    if trouble is ApiFault.HTML:
        return web.Response(body=PAGE, content_type="text/html")
    if trouble is ApiFault.SLOW:
        try:
            await asyncio.wait_for(control.resume.wait(), control.slow_s)
        except TimeoutError:
            return response
    if trouble is ApiFault.TRUNCATED and isinstance(response, web.Response):
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
