"""The fast path tells whether a client could still take its answer."""

import asyncio
import socket
import struct

import pytest

from tests.unit.webhooks.test_fast_path import Scene, play, request, response
from webhooks.http_server import PATIENCE_S


def test_an_answer_is_reported_lost_if_its_connection_was_closed_before_it() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"given up"))
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        reset = struct.pack("ii", 1, 0)  # close at once, without the usual farewell
        client = scene.writer.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        scene.writer.transport.abort()
        await asyncio.sleep(0.05)
        assert scene.delayed.pop()() is False

    play(script, is_delayed=True)


@pytest.mark.parametrize(("waits_s", "is_awaited"), [(0.0, True), (PATIENCE_S, False)])
def test_a_client_that_ends_its_sending_side_has_given_up_only_if_it_waited_long(
    waits_s: float, *, is_awaited: bool
) -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"body"))
        scene.writer.write_eof()
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        await asyncio.sleep(waits_s + 0.05)
        assert scene.delayed.pop()() is is_awaited
        assert await scene.reader.read() == response(b"body")

    play(script, is_delayed=True)
