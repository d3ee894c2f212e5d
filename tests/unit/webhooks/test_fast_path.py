"""The fast path answers plain callbacks; everything else reaches the HTTP server complete."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import uvloop
from aiohttp import web

from vocabulary.clock import FrozenClock
from vocabulary.outcomes import CallbackReply
from webhooks.fast_path import FastPath
from webhooks.handler import OnReply
from webhooks.http_server import http_connections

WAIT_S = 60
NEVER_S = 600.0
CLOCK = FrozenClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
HEAD_START = b"POST /callback HTTP/1.1\r\nHost: x\r\nContent-Length: "
GET = b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n"
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Date: Sun, 01 Mar 2026 12:00:00 GMT\r\n\r\n%b"
)


def request(body: bytes) -> bytes:
    return HEAD_START + b"%d\r\n\r\n%b" % (len(body), body)


def response(body: bytes) -> bytes:
    return RESPONSE % (len(body), body)


class Scene:
    """A fast path in front of an HTTP server, and one client connection to it."""

    def __init__(self, *, idle_s: float, read_s: float, is_delayed: bool) -> None:
        self.handled: list[bytes] = []
        self.handed_over: list[bytes] = []
        self.delayed: list[Callable[[], bool]] = []
        self.served = 0
        self._timeouts = (idle_s, read_s)
        self._is_delayed = is_delayed

    async def begin(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        self._connections = http_connections(self.runner)
        idle_s, read_s = self._timeouts
        self.fast_path = FastPath(
            {"POST /callback HTTP/1.1": self},
            server=self._serve,
            idle_timeout_s=idle_s,
            read_timeout_s=read_s,
            body_bytes_max=100,
            clock=CLOCK,
        )
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.fast_path, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def end(self) -> None:
        self.writer.close()
        self._server.close()
        await self.runner.cleanup()

    async def exchange(self, *parts: bytes) -> bytes:
        """Send the parts with pauses, so that each is read on its own; return the response."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0.01)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WAIT_S)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await self.reader.readexactly(length)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():  # noqa: ASYNC110 - a client sees no event of the server
                await asyncio.sleep(0.005)

    async def is_closed(self) -> bool:
        """Whether the server closes the connection without sending anything more."""
        return await asyncio.wait_for(self.reader.read(), WAIT_S) == b""

    def handle_plain(
        self, _headers: Mapping[str, str], body: bytes, peer: str | None, on_reply: OnReply
    ) -> None:
        assert peer == "127.0.0.1"
        self.handled.append(body)
        if self._is_delayed:
            self.delayed.append(lambda: on_reply(CallbackReply(200, body)))
        else:
            on_reply(CallbackReply(200, body))

    def refuse_slow(self, headers: Mapping[str, str], peer: str | None) -> CallbackReply:
        assert (headers["host"], peer) == ("x", "127.0.0.1")
        return CallbackReply(408, b"slow")

    def _serve(self) -> asyncio.Protocol:
        self.served += 1
        return self._connections()

    async def _handle(self, http_request: web.Request) -> web.Response:
        body = await http_request.read()
        self.handed_over.append(body)
        return web.Response(body=b"server:" + body)


def play(
    script: Callable[[Scene], Awaitable[None]],
    *,
    idle_s: float = NEVER_S,
    read_s: float = NEVER_S,
    is_delayed: bool = False,
) -> Scene:
    scene = Scene(idle_s=idle_s, read_s=read_s, is_delayed=is_delayed)

    async def run() -> None:
        await scene.begin()
        await script(scene)
        await scene.end()

    uvloop.run(run())
    return scene


def test_plain_callbacks_are_answered_one_after_another_on_one_connection() -> None:
    async def script(scene: Scene) -> None:
        assert await scene.exchange(request(b"one")) == response(b"one")
        assert await scene.exchange(request(b"two")) == response(b"two")

    scene = play(script)
    assert (scene.handled, scene.handed_over) == ([b"one", b"two"], [])


def test_a_callback_in_two_parts_is_answered_like_one_in_one_part() -> None:
    async def script(scene: Scene) -> None:
        whole = request(b"body")
        assert await scene.exchange(whole[:-4], whole[-4:]) == response(b"body")
        assert await scene.exchange(whole[:-1], whole[-1:]) == response(b"body")

    assert play(script).handed_over == []


def test_a_body_in_many_parts_is_answered_like_one_in_one_part() -> None:
    async def script(scene: Scene) -> None:
        whole = request(b"body")
        parts = [whole[:-4], *(bytes([byte]) for byte in whole[-4:])]
        assert await scene.exchange(*parts) == response(b"body")

    scene = play(script)
    assert (scene.handled, scene.handed_over) == ([b"body"], [])


def test_a_callback_whose_head_comes_in_parts_is_handed_to_the_server() -> None:
    async def script(scene: Scene) -> None:
        whole = request(b"body")
        parts = [bytes([byte]) for byte in whole]
        assert (await scene.exchange(*parts)).endswith(b"server:body")

    assert play(script).handled == []


def test_a_body_that_comes_with_the_next_request_is_handed_to_the_server_complete() -> None:
    async def script(scene: Scene) -> None:
        first, second = request(b"one"), request(b"two")
        assert (await scene.exchange(first[:-2], first[-2:] + second)).endswith(b"server:one")
        assert (await scene.exchange()).endswith(b"server:two")

    assert play(script).handled == []


def test_any_other_request_hands_its_connection_to_the_server_for_good() -> None:
    async def script(scene: Scene) -> None:
        assert await scene.exchange(request(b"one")) == response(b"one")
        assert (await scene.exchange(GET)).endswith(b"server:")
        assert (await scene.exchange(request(b"two"))).endswith(b"server:two")

    scene = play(script)
    assert (scene.handled, scene.handed_over) == ([b"one"], [b"", b"two"])


def test_an_unknown_path_is_handed_to_the_server() -> None:
    async def script(scene: Scene) -> None:
        other = request(b"one").replace(b"/callback", b"/callbacks")
        assert (await scene.exchange(other)).endswith(b"server:one")

    assert play(script).handled == []


def test_two_pipelined_callbacks_are_handed_to_the_server_and_answered_in_order() -> None:
    async def script(scene: Scene) -> None:
        assert (await scene.exchange(request(b"one") + request(b"two"))).endswith(b"server:one")
        assert (await scene.exchange()).endswith(b"server:two")

    assert play(script).handled == []


def test_a_callback_sent_before_the_previous_answer_waits_for_it() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        scene.writer.write(request(b"two"))
        await asyncio.sleep(0.05)
        assert scene.handled == [b"one"]
        scene.delayed.pop()()
        assert await scene.exchange() == response(b"one")
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        scene.delayed.pop()()
        assert await scene.exchange() == response(b"two")

    assert play(script, is_delayed=True).handed_over == []


def test_a_body_that_stays_incomplete_is_refused_at_its_timeout_and_the_connection_closed() -> (
    None
):
    async def script(scene: Scene) -> None:
        refusal = await scene.exchange(request(b"body")[:-2])
        assert refusal.startswith(b"HTTP/1.1 408 ")
        assert b"\r\nConnection: close\r\n" in refusal
        assert refusal.endswith(b"slow")
        assert await scene.is_closed()

    scene = play(script, read_s=0.02)
    assert (scene.handled, scene.served) == ([], 0)


def test_more_parts_do_not_extend_the_time_of_a_body() -> None:
    async def script(scene: Scene) -> None:
        started = asyncio.get_running_loop().time()
        scene.writer.write(request(b"x" * 100)[:-100])
        refusal = asyncio.create_task(scene.exchange())
        while not refusal.done():
            scene.writer.write(b"x")
            await asyncio.sleep(0.05)
        assert (await refusal).endswith(b"slow")
        assert asyncio.get_running_loop().time() - started < 2

    assert play(script, read_s=0.3).handled == []


def test_a_body_that_ends_early_is_never_handled() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"body")[:-2])
        scene.writer.write_eof()
        await asyncio.wait_for(scene.reader.read(), WAIT_S)

    scene = play(script)
    assert (scene.handled, scene.handed_over) == ([], [])


def test_a_client_that_half_closes_after_its_request_gets_its_answer() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        scene.writer.write_eof()
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        await asyncio.sleep(0.05)
        scene.delayed.pop()()
        assert await scene.exchange() == response(b"one")
        assert await scene.is_closed()

    play(script, is_delayed=True)


def test_a_half_closing_client_gets_the_answers_to_all_of_its_requests() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        scene.writer.write(request(b"two") + GET)
        scene.writer.write_eof()
        await asyncio.sleep(0.05)
        scene.delayed.pop()()
        assert await scene.exchange() == response(b"one")
        assert (await scene.exchange()).endswith(b"server:two")
        assert (await scene.exchange()).endswith(b"server:")
        assert await scene.is_closed()

    play(script, is_delayed=True)


def test_the_server_too_answers_a_client_that_half_closes() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(GET)
        scene.writer.write_eof()
        assert (await scene.exchange()).endswith(b"server:")
        assert await scene.is_closed()

    play(script)


def test_bytes_that_are_no_http_are_answered_without_an_echo_or_a_server_header() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(b"CANARY \x16\x03 nonsense\r\n\r\n")
        reply = await asyncio.wait_for(scene.reader.read(), WAIT_S)
        assert reply.startswith(b"HTTP/1.0 400 Bad Request\r\n")
        assert reply.endswith(b"\r\n\r\nBad Request")
        assert b"CANARY" not in reply
        assert b"server:" not in reply.lower()

    play(script)


def test_a_body_over_the_limit_is_handed_to_the_server() -> None:
    async def script(scene: Scene) -> None:
        await scene.exchange(HEAD_START + b"101\r\n\r\n", b"x" * 101)

    assert play(script).handed_over == [b"x" * 101]


def test_an_idle_connection_is_closed() -> None:
    async def script(scene: Scene) -> None:
        assert await scene.is_closed()

    play(script, idle_s=0.02)


def test_a_connection_with_a_pending_answer_is_not_idle() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        await asyncio.sleep(0.2)
        scene.delayed.pop()()
        assert await scene.exchange() == response(b"one")
        assert await scene.is_closed()

    play(script, idle_s=0.02, is_delayed=True)


def test_an_answer_for_a_closed_connection_is_dropped() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        scene.writer.transport.abort()
        await asyncio.sleep(0.05)
        scene.delayed.pop()()
        await scene.fast_path.stop(NEVER_S)

    play(script, is_delayed=True)


def test_a_body_that_comes_as_its_connection_has_been_open_long_is_answered() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"body")[:-2])
        await asyncio.sleep(0.3)
        assert await scene.exchange(b"dy") == response(b"body")

    play(script, idle_s=0.1)


def test_stop_closes_idle_connections_at_once() -> None:
    async def script(scene: Scene) -> None:
        assert await scene.exchange(request(b"one")) == response(b"one")
        await asyncio.wait_for(scene.fast_path.stop(NEVER_S), WAIT_S)
        assert await scene.is_closed()

    play(script)


def test_stop_waits_for_pending_answers_and_marks_them_as_the_last_of_the_connection() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        stopping = asyncio.create_task(scene.fast_path.stop(NEVER_S))
        await asyncio.sleep(0.05)
        assert not stopping.done()
        scene.delayed.pop()()
        last = await scene.exchange()
        assert b"\r\nConnection: close\r\n" in last
        assert last.endswith(b"\r\n\r\none")
        assert await scene.is_closed()
        await asyncio.wait_for(stopping, WAIT_S)

    play(script, is_delayed=True)


def test_stop_waits_for_pending_answers_no_longer_than_its_timeout() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"one"))
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        await asyncio.wait_for(scene.fast_path.stop(0.02), WAIT_S)
        scene.delayed.pop()()

    play(script, is_delayed=True)
