"""A provider's API with a script: what it answers per path, in order, and what it was asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from aiohttp import web

from providers.outbound.calls import ApiCall
from providers.outbound.http_transport import HttpTransport
from providers.outbound.replies import name_at
from providers.wire.decode import Json
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import ApiError

#: No answer: the request stays open until the caller leaves.
HANGS = "hangs"
#: The connection is closed without an answer.
DROPS = "drops"
#: More is announced than is sent.
BREAKS_OFF = "breaks off"


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """One answer.

    Attributes:
        after: awaited before answering.
        mischief: ``HANGS``, ``DROPS``, ``BREAKS_OFF`` or empty.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: asyncio.Event | None = None
    mischief: str = ""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ApiServer:
    """Answers by path (without the query); the last answer of a path is given for ever."""

    def __init__(self, script: Mapping[str, Sequence[Scripted]]) -> None:
        self.script = {path: list(answers) for path, answers in script.items()}
        self.seen: list[Seen] = []
        self.url = ""
        self.arrived = asyncio.Condition()

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [each.path for each in self.seen]

    async def wait_for(self, requests: int) -> None:
        """Until that many requests have come."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.seen) >= requests)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(
            method=request.method,
            path=request.raw_path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        async with self.arrived:
            self.seen.append(seen)
            self.arrived.notify_all()
        answers = self.script.get(request.path, [Scripted(status=404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer.after is not None:
            await answer.after.wait()
        return await self._give(request, answer)

    async def _give(self, request: web.Request, answer: Scripted) -> web.StreamResponse:
        if answer.mischief == HANGS:
            await asyncio.Event().wait()
        if answer.mischief == DROPS:
            assert request.transport is not None
            request.transport.close()
        if answer.mischief == BREAKS_OFF:
            broken = web.StreamResponse(headers={"Content-Length": str(len(answer.body) + 9)})
            await broken.prepare(request)
            await broken.write(answer.body)
            assert request.transport is not None
            request.transport.close()
            return broken
        headers = {"Content-Type": "application/json", **answer.headers}
        return web.Response(status=answer.status, body=answer.body, headers=headers)


@contextlib.asynccontextmanager
async def served(script: Mapping[str, Sequence[Scripted]]) -> AsyncIterator[ApiServer]:
    """A running API on loopback."""
    server = ApiServer(script)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


def outbound(
    server: ApiServer,
    *,
    deadline: timedelta = timedelta(seconds=20),
    attempts: int = 3,
    clock: Clock | None = None,
) -> HttpTransport:
    """The way to a scripted API."""
    return HttpTransport(
        slug="games",
        base_url=server.url,
        deadline=deadline,
        attempts=attempts,
        random=Random(7),
        clock=clock or SystemClock(),
    )


GOOD = Scripted(body=b'{"id":"7"}')
READ = ApiCall(endpoint="GET /things", repeatable=True)


def read_id(document: Json) -> str:
    return name_at(document, "id")


async def outcome(out: HttpTransport, call: ApiCall) -> str | ApiError:
    try:
        return await out.send(call, read_id)
    except ApiError as error:
        return error
