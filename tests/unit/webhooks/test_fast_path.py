"""Plain callbacks are answered before the HTTP server; everything else reaches it, whole."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import uvloop
from aiohttp import web

from vocabulary.clock import FrozenClock
from vocabulary.outcomes import Answer
from webhooks.fast_path import FastPath
from webhooks.handler import OnAnswer

WAIT_S = 60
NEVER_S = 600.0
CLOCK = FrozenClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
BEGINNING = b"POST /door HTTP/1.1\r\nHost: x\r\nContent-Length: "
GET = b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWERED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Date: Sun, 01 Mar 2026 12:00:00 GMT\r\n\r\n%b"
)


def request(body: bytes) -> bytes:
    return BEGINNING + b"%d\r\n\r\n%b" % (len(body), body)


def answered(body: bytes) -> bytes:
    return ANSWERED % (len(body), body)


class Scene:
    """A door before an HTTP server, and one caller's connection to it."""

    def __init__(self, *, idle_s: float, read_s: float, is_held: bool) -> None:
        self.taken: list[bytes] = []
        self.passed_on: list[bytes] = []
        self.held: list[Callable[[], None]] = []
        self.served = 0
        self._timeouts = (idle_s, read_s)
        self._is_held = is_held

    async def begin(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        idle_s, read_s = self._timeouts
        self.fronts = FastPath(
            {"POST /door HTTP/1.1": self._take},
            server=self._serve,
            idle_timeout_s=idle_s,
            read_timeout_s=read_s,
            body_bytes_max=100,
            clock=CLOCK,
        )
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.fronts, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def end(self) -> None:
        self.writer.close()
        self._server.close()
        await self.runner.cleanup()

    async def hears(self, *parts: bytes) -> bytes:
        """Send the parts, each after the door had time to read the one before."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0.01)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WAIT_S)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await self.reader.readexactly(length)

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not what():  # noqa: ASYNC110 - the caller sees no event of the door's
                await asyncio.sleep(0.005)

    async def closed(self) -> bool:
        """Whether the door says nothing more and closes."""
        return await asyncio.wait_for(self.reader.read(), WAIT_S) == b""

    def _take(
        self, _headers: Mapping[str, str], body: bytes, peer: str | None, say: OnAnswer
    ) -> None:
        assert peer == "127.0.0.1"
        self.taken.append(body)
        if self._is_held:
            self.held.append(lambda: say(Answer(200, body)))
        else:
            say(Answer(200, body))

    def _serve(self) -> asyncio.Protocol:
        assert self.runner.server is not None
        self.served += 1
        return self.runner.server()

    async def _handle(self, came: web.Request) -> web.Response:
        body = await came.read()
        self.passed_on.append(body)
        return web.Response(body=b"server:" + body)


def play(
    play_it: Callable[[Scene], Awaitable[None]],
    *,
    idle_s: float = NEVER_S,
    read_s: float = NEVER_S,
    is_held: bool = False,
) -> Scene:
    scene = Scene(idle_s=idle_s, read_s=read_s, is_held=is_held)

    async def run() -> None:
        await scene.begin()
        await play_it(scene)
        await scene.end()

    uvloop.run(run())
    return scene


def test_plain_callbacks_are_answered_one_after_another_on_one_connection() -> None:
    async def it(scene: Scene) -> None:
        assert await scene.hears(request(b"one")) == answered(b"one")
        assert await scene.hears(request(b"two")) == answered(b"two")

    scene = play(it)
    assert (scene.taken, scene.passed_on) == ([b"one", b"two"], [])


def test_a_callback_in_two_parts_is_as_good_as_one_in_one() -> None:
    async def it(scene: Scene) -> None:
        whole = request(b"body")
        assert await scene.hears(whole[:-4], whole[-4:]) == answered(b"body")
        assert await scene.hears(whole[:-1], whole[-1:]) == answered(b"body")

    assert play(it).passed_on == []


def test_a_callback_in_many_parts_is_the_servers() -> None:
    async def it(scene: Scene) -> None:
        whole = request(b"body")
        parts = [bytes([byte]) for byte in whole]
        assert (await scene.hears(*parts)).endswith(b"server:body")

    assert play(it).taken == []


def test_what_is_no_callback_is_the_servers_and_so_is_the_rest_of_its_connection() -> None:
    async def it(scene: Scene) -> None:
        assert await scene.hears(request(b"one")) == answered(b"one")
        assert (await scene.hears(GET)).endswith(b"server:")
        assert (await scene.hears(request(b"two"))).endswith(b"server:two")

    scene = play(it)
    assert (scene.taken, scene.passed_on) == ([b"one"], [b"", b"two"])


def test_another_door_is_the_servers() -> None:
    async def it(scene: Scene) -> None:
        asked = request(b"one").replace(b"/door", b"/doors")
        assert (await scene.hears(asked)).endswith(b"server:one")

    assert play(it).taken == []


def test_two_callbacks_at_once_are_the_servers_and_answered_in_order() -> None:
    async def it(scene: Scene) -> None:
        assert (await scene.hears(request(b"one") + request(b"two"))).endswith(b"server:one")
        assert (await scene.hears()).endswith(b"server:two")

    assert play(it).taken == []


def test_a_callback_that_comes_too_early_waits_for_the_answer_before_it() -> None:
    async def it(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.until(lambda: len(scene.held) == 1)
        scene.writer.write(request(b"two"))
        await asyncio.sleep(0.05)
        assert scene.taken == [b"one"]
        scene.held.pop()()
        assert await scene.hears() == answered(b"one")
        await scene.until(lambda: len(scene.held) == 1)
        scene.held.pop()()
        assert await scene.hears() == answered(b"two")

    assert play(it, is_held=True).passed_on == []


def test_a_body_that_does_not_come_is_left_to_the_server_after_a_while() -> None:
    async def it(scene: Scene) -> None:
        whole = request(b"body")
        scene.writer.write(whole[:-2])
        await scene.until(lambda: scene.served == 1)
        assert (await scene.hears(whole[-2:])).endswith(b"server:body")

    assert play(it, read_s=0.02).taken == []


def test_a_body_that_breaks_off_is_the_servers_to_answer() -> None:
    async def it(scene: Scene) -> None:
        scene.writer.write(request(b"body")[:-2])
        scene.writer.write_eof()
        await asyncio.wait_for(scene.reader.read(), WAIT_S)

    scene = play(it)
    assert (scene.taken, scene.passed_on) == ([], [])


def test_a_body_longer_than_allowed_is_left_to_the_server_unread() -> None:
    async def it(scene: Scene) -> None:
        await scene.hears(BEGINNING + b"101\r\n\r\n", b"x" * 101)

    assert play(it).passed_on == [b"x" * 101]


def test_a_connection_on_which_nothing_happens_is_closed() -> None:
    async def it(scene: Scene) -> None:
        assert await scene.closed()

    play(it, idle_s=0.02)


def test_a_connection_that_waits_for_its_answer_is_not_idle() -> None:
    async def it(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.until(lambda: len(scene.held) == 1)
        await asyncio.sleep(0.2)
        scene.held.pop()()
        assert await scene.hears() == answered(b"one")
        assert await scene.closed()

    play(it, idle_s=0.02, is_held=True)


def test_a_caller_that_has_gone_is_not_answered_and_nobody_minds() -> None:
    async def it(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.until(lambda: len(scene.held) == 1)
        scene.writer.transport.abort()
        await asyncio.sleep(0.05)
        scene.held.pop()()
        await scene.fronts.stop(NEVER_S)

    play(it, is_held=True)


def test_stopping_closes_who_waits_for_nothing_at_once() -> None:
    async def it(scene: Scene) -> None:
        assert await scene.hears(request(b"one")) == answered(b"one")
        await asyncio.wait_for(scene.fronts.stop(NEVER_S), WAIT_S)
        assert await scene.closed()

    play(it)


def test_stopping_waits_for_the_answers_that_are_owed_and_says_that_it_was_the_last() -> None:
    async def it(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.until(lambda: len(scene.held) == 1)
        stopping = asyncio.create_task(scene.fronts.stop(NEVER_S))
        await asyncio.sleep(0.05)
        assert not stopping.done()
        scene.held.pop()()
        heard = await scene.hears()
        assert b"\r\nConnection: close\r\n" in heard
        assert heard.endswith(b"\r\n\r\none")
        assert await scene.closed()
        await asyncio.wait_for(stopping, WAIT_S)

    play(it, is_held=True)


def test_stopping_waits_for_an_answer_no_longer_than_it_may() -> None:
    async def it(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.until(lambda: len(scene.held) == 1)
        await asyncio.wait_for(scene.fronts.stop(0.02), WAIT_S)
        scene.held.pop()()

    play(it, is_held=True)
