"""The API on the wire: paths, methods, bodies and headers; endpoints run in threads."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import cache, partial
from http import HTTPStatus

from aiohttp import web

from console.api.endpoint import BASE, Create, Endpoint
from console.api.endpoints import ENDPOINTS
from console.api.openapi import openapi_document
from console.api.perform import ApiRequest, answer_request, turned_away
from console.api.problems import ApiAnswer, problem_of, refuse
from console.api.rates import RateLimit
from console.config import Console
from console.gate import Incoming
from console.replies import not_found
from vocabulary.build import version

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Bodies with a file that are held in memory at once.
LONG_BODIES_MAX = 2
_DOCUMENT = f"{BASE}/openapi.json"


class ApiServer:
    """Serves the endpoints.

    Args:
        console: what endpoints work with.
        threads: where they run.
        read: reads a request from the wire, without its body.
        endpoints: those of the console unless a test has its own.
    """

    def __init__(
        self,
        console: Console,
        threads: Executor,
        read: Callable[[web.Request], Incoming],
        endpoints: Sequence[Endpoint] = ENDPOINTS,
    ) -> None:
        self._console = console
        self._threads = threads
        self._read = read
        self._endpoints = endpoints
        self._long_bodies = asyncio.Semaphore(LONG_BODIES_MAX)
        self._rates = RateLimit(console.config.api.requests_per_minute)

    def routes(self) -> list[web.RouteDef]:
        """A route for each path, whatever the method; the last one is for unknown paths."""
        by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in self._endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        return [
            web.route("*", _DOCUMENT, self._document),
            *(
                web.route("*", f"{BASE}{path}", self._handler(methods))
                for path, methods in by_path.items()
            ),
            web.route("*", f"{BASE}{{rest:(/.*)?}}", self._unknown),
        ]

    def _handler(self, methods: Mapping[str, Endpoint]) -> _Handler:
        allowed = _allowed(methods)

        async def handle(request: web.Request) -> web.StreamResponse:
            method = "GET" if request.method == "HEAD" else request.method
            if method == "OPTIONS":
                return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
            endpoint = methods.get(method)
            if endpoint is None:
                return _refused(request, _no_method(request.method, allowed))
            return await self._answer(endpoint, request)

        return handle

    async def _answer(self, endpoint: Endpoint, request: web.Request) -> web.Response:
        if isinstance(endpoint, Create) and endpoint.takes_file:
            async with self._long_bodies:
                return await self._answer_long(endpoint, request)
        return await self._answer_body(endpoint, request)

    async def _answer_long(self, endpoint: Create, request: web.Request) -> web.Response:
        """Answer a request with a file, which is read only if its sender may send it."""
        sender = partial(turned_away, self._console, endpoint, self._received(request, b""))
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, sender)
        if answer is not None:
            return _response(answer)
        longer = request.clone(client_max_size=endpoint.body_bytes_max)
        return await self._answer_body(endpoint, longer)

    async def _answer_body(self, endpoint: Endpoint, request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refused(
                request,
                refuse(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"A body of at most {request.client_max_size // 1024} KiB is expected."
                    " Nothing was done.",
                ),
            )
        received = self._received(request, body)
        answer = partial(answer_request, self._console, self._rates, endpoint, received)
        loop = asyncio.get_running_loop()
        return _response(await loop.run_in_executor(self._threads, answer))

    def _received(self, request: web.Request, body: bytes) -> ApiRequest:
        names = [name for name, _ in request.query.items()]
        return ApiRequest(
            incoming=self._read(request),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            repeated=tuple(sorted({name for name in names if names.count(name) > 1})),
        )

    async def _document(self, request: web.Request) -> web.StreamResponse:
        """The OpenAPI document; it holds no secret, so nobody has to be known."""
        allowed = "GET, HEAD, OPTIONS"
        if request.method == "OPTIONS":
            return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
        if request.method not in {"GET", "HEAD"}:
            return _refused(request, _no_method(request.method, allowed))
        return web.Response(body=document_bytes(), content_type="application/json")

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return _refused(request, not_found("endpoint", request.path[:200]))


@cache
def document_bytes() -> bytes:
    """The OpenAPI document of the console, as it is served."""
    document = openapi_document(ENDPOINTS, version=version())
    return json.dumps(document, ensure_ascii=False).encode()


def _allowed(methods: Mapping[str, Endpoint]) -> str:
    also = ("HEAD",) if "GET" in methods else ()
    return ", ".join([*methods, *also, "OPTIONS"])


def _no_method(method: str, allowed: str) -> Exception:
    return refuse(
        HTTPStatus.METHOD_NOT_ALLOWED,
        f"{method[:20]} is none of the methods of this path: {allowed}.",
        headers={"Allow": allowed},
    )


def _refused(request: web.Request, error: Exception) -> web.Response:
    return _response(problem_of(error, BASE, request.path[:200]))


def _response(answer: ApiAnswer) -> web.Response:
    headers = dict(answer.headers)
    if answer.status != HTTPStatus.NOT_MODIFIED:
        headers["Content-Type"] = answer.content_type
    return web.Response(status=answer.status, body=answer.content, headers=headers)
