"""Connections to a provider's API: kept, counted, in TLS or not at all."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random

import pytest

from providers.outbound.calls import ApiCall
from providers.outbound.http_transport import HttpTransport
from tests.harness.providers.api_server import (
    DROPS,
    GOOD,
    READ,
    Scripted,
    outbound,
    outcome,
    read_id,
    served,
)
from vocabulary.clock import SystemClock
from vocabulary.errors import ApiError, ApiUnavailable


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


def test_one_connection_serves_many_calls() -> None:
    async def scenario() -> None:
        async with served({"/things": [GOOD]}) as server, outbound(server) as out:
            for _ in range(3):
                await out.send(READ, read_id)

            assert out._session is not None
            assert out._session.connector is not None
            assert sum(map(len, out._session.connector._conns.values())) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_a_write_whose_answer_is_lost_on_a_kept_connection_is_not_sent_again(
    method: str,
) -> None:
    """The library would send what HTTP calls idempotent once more by itself, unseen."""

    async def scenario() -> None:
        write = ApiCall(endpoint=f"{method} /things", body=b"{}")
        serving = served({"/things": [GOOD, Scripted(mischief=DROPS), GOOD]})
        async with serving as server, outbound(server) as out:
            await out.send(READ, read_id)
            error = await outcome(out, write)

        assert isinstance(error, ApiUnavailable)
        assert error.attempts == 1
        assert [seen.method for seen in server.seen] == ["GET", method]

    asyncio.run(scenario())


def test_every_request_is_counted_also_on_a_kept_connection() -> None:
    async def scenario() -> None:
        dropped = Scripted(mischief=DROPS)
        serving = served({"/things": [GOOD, dropped, dropped, dropped, GOOD]})
        async with serving as server, outbound(server) as out:
            await out.send(READ, read_id)
            error = await outcome(out, READ)

        assert isinstance(error, ApiUnavailable)
        assert (error.attempts, len(server.seen)) == (3, 4)

    asyncio.run(scenario())


def test_a_port_where_nobody_listens_is_unavailable() -> None:
    async def scenario() -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            async with HttpTransport(
                slug="games",
                base_url=url,
                deadline=timedelta(seconds=5),
                attempts=2,
                random=Random(7),
                clock=SystemClock(),
            ) as out:
                error = await outcome(out, READ)

        assert isinstance(error, ApiUnavailable)
        assert str(error) == "games: GET /things: no connection (2 attempts)"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer", [b"220 mail.example.com ESMTP\r\n", b"", b"HTTP/1.1 2000 x\r\n"]
)
def test_a_server_that_does_not_speak_http_is_unavailable(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    error = asyncio.run(against(talk))

    assert isinstance(error, ApiUnavailable)
    assert error.attempts == 1


def test_a_tls_address_is_never_spoken_to_in_the_clear() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))
        writer.close()

    heard: list[bytes] = []
    error = asyncio.run(against(talk, scheme="https"))

    assert isinstance(error, ApiUnavailable)
    assert heard == [b"\x16"]  # a TLS hello, not a request


async def against(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    scheme: str = "http",
) -> str | ApiError:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    out = HttpTransport(
        slug="games",
        base_url=f"{scheme}://{host}:{port}",
        deadline=timedelta(seconds=5),
        attempts=1,
        random=Random(7),
        clock=SystemClock(),
    )
    async with server, out:
        return await outcome(out, READ)
