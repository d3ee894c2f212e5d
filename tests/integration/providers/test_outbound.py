"""The way out: deadlines, repeats only where safe, replies that lie, nothing secret said."""

import asyncio
import gzip
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from providers.outbound.calls import ApiCall, ErrorReply
from providers.outbound.http_transport import REPLY_BYTES_MAX, RETRY_AFTER_MAX
from providers.outbound.replies import member
from providers.wire.decode import Json
from tests.harness.providers.api_server import (
    BREAKS_OFF,
    GOOD,
    HANGS,
    ApiServer,
    Scripted,
    outbound,
    outcome,
    read_id,
    served,
)
from tests.harness.providers.api_server import READ as PLAIN_READ
from vocabulary.clock import FrozenClock
from vocabulary.errors import ApiError, ApiRefused, ApiUnavailable, ApiUnreadable, Unavailable

CANARY = "canary-4f1d9c"


def known(document: Json) -> ErrorReply:
    return ErrorReply("no_such_thing" if member(document, "error") == "no_such_thing" else None)


READ = replace(PLAIN_READ, read_error=known)
WRITE = ApiCall(
    endpoint="POST /things",
    headers={"x-api-key": CANARY, "Content-Type": "application/json"},
    body=f'{{"password":"{CANARY}"}}'.encode(),
)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


async def asked(
    *answers: Scripted, call: ApiCall = READ, deadline: timedelta = timedelta(seconds=20)
) -> tuple[str | ApiError, ApiServer]:
    """What came of one call, and the server with what it saw."""
    serving = served({"/things": answers})
    async with serving as server, outbound(server, deadline=deadline) as out:
        return await outcome(out, call), server


def test_a_good_reply_is_read_and_its_way_measured() -> None:
    async def scenario() -> None:
        async with served({"/things": [GOOD]}) as server, outbound(server) as out:
            assert await out.send(READ, read_id) == "7"
            exchange = out.latest

        assert exchange is not None
        assert (exchange.endpoint, exchange.status) == ("GET /things", 200)
        assert timedelta(0) < exchange.latency < timedelta(seconds=5)
        assert exchange.skew is not None
        assert abs(exchange.skew) <= timedelta(seconds=2)

    asyncio.run(scenario())


def test_a_clock_that_is_off_is_measured() -> None:
    async def scenario() -> None:
        date = Scripted(body=GOOD.body, headers={"Date": "Thu, 04 Jun 2026 09:30:20 GMT"})
        ours = FrozenClock(datetime(2026, 6, 4, 9, 30, 0, tzinfo=UTC))
        async with served({"/things": [date]}) as server, outbound(server, clock=ours) as out:
            await out.send(READ, read_id)

        assert out.latest is not None
        assert out.latest.skew is not None
        assert timedelta(seconds=20) <= out.latest.skew <= timedelta(seconds=22)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (Scripted(status=500), 500),
        (Scripted(status=502, body=b"<html>bad gateway</html>"), 502),
        (Scripted(status=503, headers={"Retry-After": "0"}), 503),
        (Scripted(status=429), 429),
        (Scripted(mischief=BREAKS_OFF), None),
    ],
)
def test_a_passing_failure_is_repeated_for_a_read_and_never_for_a_write(
    trouble: Scripted, status: int | None
) -> None:
    read, reads = asyncio.run(asked(trouble, trouble, GOOD))
    gone, given_up = asyncio.run(asked(trouble))
    wrote, writes = asyncio.run(asked(trouble, GOOD, call=WRITE))

    assert (read, len(reads.seen)) == ("7", 3)
    assert isinstance(gone, ApiUnavailable)
    assert isinstance(gone, Unavailable)
    assert (gone.status, gone.attempts, len(given_up.seen)) == (status, 3, 3)
    assert isinstance(wrote, ApiUnavailable)
    assert (wrote.status, wrote.attempts, len(writes.seen)) == (status, 1, 1)
    assert (wrote.provider, wrote.endpoint) == ("games", "POST /things")


def test_an_error_says_provider_endpoint_status_code_and_attempts() -> None:
    refused = Scripted(status=404, body=b'{"error":"no_such_thing"}')

    error, server = asyncio.run(asked(refused))

    assert isinstance(error, ApiRefused)
    assert str(error) == "games: GET /things: answered 404, no_such_thing (1 attempt)"
    assert (error.status, error.code, error.attempts) == (404, "no_such_thing", 1)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "body", [b"<html>no</html>", b"", b'{"error":"something else"}', b"[]", b'{"error":7}']
)
def test_a_refusal_without_a_documented_code_has_none(body: bytes) -> None:
    error, _ = asyncio.run(asked(Scripted(status=403, body=body)))

    assert isinstance(error, ApiRefused)
    assert (error.status, error.code) == (403, None)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Scripted(body=b"<!doctype html><p>hello"), "this is a web page"),
        (Scripted(body=b'{"id":"7'), "a JSON document is expected"),
        (Scripted(body=b""), "a JSON document is expected"),
        (Scripted(body=b'{"id":NaN}'), "numbers that JSON has are expected"),
        (Scripted(body=b"\xff{}"), "a JSON document is expected"),
        (Scripted(body=b"[" * 300_000), "a JSON document is expected"),
        (Scripted(body=b"[1]"), "an object is expected"),
        (Scripted(body=b"{}"), "id: a value is expected"),
        (Scripted(body=b'{"id":"' + b"9" * 4000 + b'"}'), "id: text of 1 to 128"),
        (Scripted(body=b" " * (REPLY_BYTES_MAX + 1)), "at most 8388608 bytes are expected"),
        (
            Scripted(
                body=gzip.compress(b" " * (REPLY_BYTES_MAX + 1)),
                headers={"Content-Encoding": "gzip"},
            ),
            "at most 8388608 bytes are expected",
        ),
        (Scripted(status=201, body=b'{"id":"7"}'), "answered 201, which is not documented"),
        (Scripted(status=204, body=b""), "answered 204, which is not documented"),
        (Scripted(status=304, body=b""), "answered 304, which is not documented"),
    ],
)
def test_whatever_is_not_documented_is_unreadable_and_not_repeated(
    answer: Scripted, reason: str
) -> None:
    error, server = asyncio.run(asked(answer))

    assert isinstance(error, ApiUnreadable)
    assert reason in str(error)
    assert error.status == answer.status
    assert (error.attempts, len(server.seen)) == (1, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    async def scenario() -> None:
        away = Scripted(status=status, headers={"Location": "/elsewhere"})
        serving = served({"/things": [away], "/elsewhere": [GOOD]})
        async with serving as server, outbound(server) as out:
            error = await outcome(out, WRITE)

        assert isinstance(error, ApiUnreadable)
        assert error.status == status
        assert server.paths() == ["/things"]

    asyncio.run(scenario())


def test_a_server_that_never_answers_costs_no_more_than_the_deadline() -> None:
    silent = Scripted(mischief=HANGS)

    read, reads = asyncio.run(asked(silent, deadline=timedelta(seconds=1)))
    wrote, writes = asyncio.run(asked(silent, call=WRITE, deadline=timedelta(seconds=1)))

    assert isinstance(read, ApiUnavailable)
    assert "no reply in time" in str(read)
    assert 1 <= read.attempts == len(reads.seen) <= 3
    assert isinstance(wrote, ApiUnavailable)
    assert (wrote.attempts, len(writes.seen)) == (1, 1)


def test_a_slow_attempt_leaves_time_for_another() -> None:
    silent = Scripted(mischief=HANGS)

    read, server = asyncio.run(asked(silent, GOOD, deadline=timedelta(seconds=6)))

    assert (read, len(server.seen)) == ("7", 2)


@pytest.mark.parametrize("after", ["1", "http-date"])
def test_retry_after_is_waited_for_within_the_deadline(after: str) -> None:
    async def scenario() -> None:
        clock = FrozenClock(datetime(2026, 6, 4, 9, 30, 0, tzinfo=UTC))
        named = "Thu, 04 Jun 2026 09:30:01 GMT" if after == "http-date" else after
        busy = Scripted(status=429, headers={"Retry-After": named})
        serving = served({"/things": [busy, GOOD]})
        async with serving as server, outbound(server, clock=clock) as out:
            began = time.monotonic()
            assert await out.send(READ, read_id) == "7"

        assert time.monotonic() - began > 0.9
        assert len(server.seen) == 2

    asyncio.run(scenario())


def test_retry_after_beyond_the_deadline_fails_at_once_and_keeps_everybody_away() -> None:
    async def scenario() -> None:
        busy = Scripted(status=429, headers={"Retry-After": "999999999"})
        async with served({"/things": [busy, GOOD]}) as server, outbound(server) as out:
            first = await outcome(out, READ)
            second = await outcome(out, WRITE)

            assert out._not_before <= asyncio.get_running_loop().time() + (
                RETRY_AFTER_MAX.total_seconds()
            )
        assert isinstance(first, ApiUnavailable)
        assert (first.status, first.attempts) == (429, 1)
        assert isinstance(second, ApiUnavailable)
        assert (second.status, second.attempts) == (429, 0)
        assert "asked us to come back later" in str(second)
        assert len(server.seen) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("after", ["soon", "-1", "1.5", "", "Thu, 99 Foo 2026", "9" * 5000])
def test_a_retry_after_that_means_nothing_is_ignored(after: str) -> None:
    busy = Scripted(status=429, headers={"Retry-After": after})

    read, server = asyncio.run(asked(busy, GOOD))

    assert (read, len(server.seen)) == ("7", 2)


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(status=401, body=f'{{"error":"{CANARY}"}}'.encode()),
        Scripted(status=500, body=CANARY.encode()),
        Scripted(status=302, headers={"Location": f"/{CANARY}"}),
        Scripted(body=f'{{"{CANARY}":"{CANARY}'.encode()),
        Scripted(body=f'{{"id":"{CANARY}\\u0000"}}'.encode()),
        Scripted(body=f"<html>{CANARY}".encode(), mischief=BREAKS_OFF),
        Scripted(mischief=HANGS),
    ],
)
def test_no_error_and_no_log_carries_a_secret_or_a_body(answer: Scripted) -> None:
    with capture_logs() as logs:
        error, server = asyncio.run(
            asked(answer, call=WRITE, deadline=timedelta(milliseconds=500))
        )

    assert isinstance(error, ApiError)
    assert CANARY in server.seen[0].headers["x-api-key"]
    said = [repr(error), str(error), repr(vars(error)), repr(WRITE), repr(logs)]
    said += traceback.format_exception(error)
    chain: BaseException | None = error
    while chain is not None:
        said.append(repr(chain))
        chain = chain.__context__
    assert [text for text in said if CANARY in text] == []
    assert len(logs) == 1
    assert logs[0]["event"] == "api_called"
    assert (logs[0]["provider"], logs[0]["endpoint"]) == ("games", "POST /things")
