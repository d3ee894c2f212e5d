"""Hostile and broken requests get a clean answer and never a stack trace."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ops.engines import valkey_server
from providers.contract import Callback
from tests.harness.dialects.aggregator import sign_aggregator
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.providers.speakers import SPEAKERS
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import (
    SECRET,
    LedgerDatabase,
    ReceiverClient,
    Reply,
)

GAMES, SPORT = "games", "sport"
ROUTE = {GAMES: "/bet", SPORT: "/transaction"}
PATH = {slug: f"/callbacks/{slug}{route}" for slug, route in ROUTE.items()}
DIALECT = {GAMES: "aggregator", SPORT: "sportsbook"}
MALFORMED = {
    GAMES: Reply(400, b'{"error":"Invalid request"}'),
    SPORT: Reply(200, b'{"error":"INVALID_REQUEST"}'),
}
UNAUTHENTIC = {
    GAMES: Reply(401, b'{"error":"invalid signature"}'),
    SPORT: Reply(200, b'{"error":"INVALID_SECURITY_HASH"}'),
}
TOO_LARGE = {GAMES: Reply(413, b'{"error":"Request too large"}'), SPORT: MALFORMED[SPORT]}
INCOMPLETE = {
    GAMES: Reply(408, b'{"error":"Request timeout"}'),
    SPORT: Reply(200, b'{"error":"INTERNAL_ERROR"}'),
}
BOTH = pytest.mark.parametrize("slug", [GAMES, SPORT])


class RunningReceiver:
    """A receiver with its database."""

    def __init__(self, client: ReceiverClient, books: LedgerDatabase) -> None:
        self.client = client
        self.books = books


@pytest.fixture(scope="module")
def receiver(
    postgres: Any, valkey: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningReceiver]:
    postgres.clone("of_hostility")
    books = LedgerDatabase(postgres.url("of_hostility"))
    books.player("LAG1.0632094194", "42")
    at = tmp_path_factory.mktemp("hostile")
    broker = valkey_server.url(valkey, 15)
    try:
        with harness.receivers(at, books.url, broker) as (client, (process,)):
            yield RunningReceiver(client, books)
            log = process.log()
        assert "Traceback" not in log
        assert "GARBAGE" not in log  # request bytes reach no log
        assert '"request_not_http"' in log
        assert all(json.loads(line)["level"] != "error" for line in log.splitlines())
        assert books.failed_checks() == []
    finally:
        books.close()
        postgres.drop("of_hostility")


@pytest.fixture(autouse=True)
def assert_nothing_moves(receiver: RunningReceiver) -> Iterator[None]:
    """No request of this module may move money or store an operation."""
    before, wrong = receiver.books.counts(), wrong_currencies(receiver)
    yield
    after, wrong = receiver.books.counts(), wrong_currencies(receiver) - wrong
    stored, deliveries, malformed = (b - a for a, b in zip(before, after, strict=True))
    assert stored == 0
    assert deliveries == malformed + wrong
    assert receiver.client.request("GET", "/readyz").status == 200


def wrong_currencies(receiver: RunningReceiver) -> int:
    ((count,),) = receiver.books.rows(
        "SELECT count(*) FROM deliveries WHERE verdict = 'currency_wrong'"
    )
    return int(count)


def signed(slug: str, body: bytes) -> Callback:
    """A callback with these bytes and a valid signature where possible."""
    sign = sign_aggregator if slug == GAMES else sign_sportsbook
    return sign(ROUTE[slug], body, SECRET)


def valid(slug: str) -> bytes:
    return SPEAKERS[DIALECT[slug]].valid[ROUTE[slug]]


def with_amount(slug: str, token: bytes) -> bytes:
    if slug == GAMES:
        return valid(slug).replace(b'"balance":5', b'"balance":' + token)
    return valid(slug).replace(b'"10.00"', token)


def post(
    receiver: RunningReceiver, slug: str, callback: Callback, **headers: str
) -> tuple[Reply, int]:
    """Send a callback; returns the answer and how many deliveries it added."""
    before = receiver.books.counts()[1]
    reply = receiver.client.post(slug, callback, **headers)
    return reply, receiver.books.counts()[1] - before


GARBAGE = {
    "nothing": b"",
    "blanks": b" \r\n ",
    "binary": bytes(range(256)),
    "truncated": b'{"user_agent":"LAG1.0632094194","bala',
    "not utf-8": b'{"user_agent":"\xff\xfe"}',
    "deep lists": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    "a list": b"[1]",
    "null": b"null",
    "a text": b'"text"',
    "two documents": b"{}{}",
    "a nul": b'{"a":"\x00"}',
    "utf-16": "{}".encode("utf-16"),
}


@BOTH
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_without_a_signature_is_refused_and_not_stored(
    receiver: RunningReceiver, slug: str, name: str
) -> None:
    callback = Callback(route=ROUTE[slug], headers={}, body=GARBAGE[name])

    assert post(receiver, slug, callback) == (UNAUTHENTIC[slug], 0)


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_with_a_valid_hash_is_malformed_and_stored_as_evidence(
    receiver: RunningReceiver, name: str
) -> None:
    callback = signed(SPORT, GARBAGE[name])

    assert post(receiver, SPORT, callback) == (MALFORMED[SPORT], 1)
    ((body,),) = receiver.books.rows(
        "SELECT body FROM deliveries ORDER BY delivery_id DESC LIMIT 1"
    )
    assert body == GARBAGE[name]


def test_a_currency_without_digits_is_answered_as_a_wrong_one_and_kept(
    receiver: RunningReceiver,
) -> None:
    before = receiver.books.rows("SELECT count(*) FROM deliveries")[0][0]

    reply = receiver.client.post(SPORT, signed(SPORT, valid(SPORT).replace(b"USD", b"DOGE")))

    assert b"INVALID_CURRENCY" in reply.body
    assert receiver.books.rows("SELECT count(*) FROM deliveries")[0][0] == before + 1
    ((verdict,),) = receiver.books.rows(
        "SELECT verdict FROM deliveries ORDER BY delivery_id DESC LIMIT 1"
    )
    assert verdict == "currency_wrong"


NUMBERS = [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"1" * 5_000, b"-1", b"0.001", b"true"]


@BOTH
@pytest.mark.parametrize("token", NUMBERS, ids=lambda token: token[:12].decode())
def test_numbers_that_are_no_amount_move_nothing(
    receiver: RunningReceiver, slug: str, token: bytes
) -> None:
    reply, deliveries = post(receiver, slug, signed(slug, with_amount(slug, token)))

    # If the signature is in the body, an unreadable body cannot be verified.
    assert (reply, deliveries) in ((MALFORMED[slug], 1), (UNAUTHENTIC[slug], 0))
    if slug == SPORT:
        assert deliveries == 1


@BOTH
def test_a_duplicate_json_key_is_refused(receiver: RunningReceiver, slug: str) -> None:
    body = valid(slug)[:-1] + b',"amount":"1.00","amount":"2.00"}'
    reply, deliveries = post(receiver, slug, signed(slug, body))

    assert (reply, deliveries) == {
        GAMES: (UNAUTHENTIC[GAMES], 0),
        SPORT: (MALFORMED[SPORT], 1),
    }[slug]


@BOTH
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data; boundary=x", "image/png", "", "x" * 2000],
)
def test_the_content_type_does_not_replace_a_signature(
    receiver: RunningReceiver, slug: str, content_type: str
) -> None:
    broken = Callback(
        route=ROUTE[slug], headers={"content-type": content_type}, body=valid(slug)
    )

    assert post(receiver, slug, broken) == (UNAUTHENTIC[slug], 0)


@BOTH
def test_a_content_encoding_header_does_not_change_the_verified_bytes(
    receiver: RunningReceiver, slug: str
) -> None:
    callback = signed(slug, b'{"is":"not an operation"}')
    compressed = Callback(
        route=ROUTE[slug], headers={**callback.headers}, body=gzip.compress(callback.body)
    )

    as_sent = post(receiver, slug, callback, content_encoding="gzip")
    compressed_reply = post(receiver, slug, compressed, content_encoding="gzip")

    assert as_sent == (MALFORMED[slug], 1)  # verified over the bytes on the wire
    assert compressed_reply == (UNAUTHENTIC[slug], 0)


@BOTH
def test_a_body_over_the_limit_is_refused_before_it_is_read(
    receiver: RunningReceiver, slug: str
) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n"

    assert receiver.client.send(head.encode()) == TOO_LARGE[slug]


@BOTH
def test_a_chunked_body_is_refused_at_the_same_limit(
    receiver: RunningReceiver, slug: str
) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"3000\r\n" + b"x" * 0x3000 + b"\r\n"

    assert receiver.client.send(head.encode() + chunk * 8) == TOO_LARGE[slug]


@BOTH
def test_a_chunked_body_is_read_like_any_other(receiver: RunningReceiver, slug: str) -> None:
    callback = signed(slug, b'{"is":"not an operation"}')
    headers = "".join(f"{name}: {value}\r\n" for name, value in callback.headers.items())
    head = (
        f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\n{headers}transfer-encoding: chunked\r\n\r\n"
    )
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in callback.body) + b"0\r\n\r\n"

    assert receiver.client.send(head.encode() + chunks) == MALFORMED[slug]


@BOTH
def test_a_body_that_never_arrives_times_out(receiver: RunningReceiver, slug: str) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"

    assert receiver.client.send(head.encode() + b"a few bytes") == INCOMPLETE[slug]


@BOTH
@pytest.mark.parametrize("chunks", [b"zz\r\nxx\r\n", b"5\r\nab\r\n0\r\n\r\n", b"-1\r\n\r\n"])
def test_invalid_chunks_are_refused(
    receiver: RunningReceiver, slug: str, chunks: bytes
) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    reply = receiver.client.send(head.encode() + chunks)

    assert reply == INCOMPLETE[slug] or reply.status == 400
    assert b"Traceback" not in reply.body


@BOTH
def test_a_connection_closed_half_way_stores_nothing(
    receiver: RunningReceiver, slug: str
) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"
    reply = receiver.client.send(head.encode() + b"half", then_close=True)

    assert reply in (INCOMPLETE[slug], Reply(0, b""))


@pytest.mark.parametrize("value", ["ż" * 64, "\udcff\udcfe", "ab" * 2000, " ", "é"])
def test_a_signature_that_is_no_hex_is_invalid(receiver: RunningReceiver, value: str) -> None:
    for name in ("x-security-hash", "x-securty-hash"):
        callback = Callback(route=ROUTE[SPORT], headers={name: value}, body=valid(SPORT))

        assert post(receiver, SPORT, callback) == (UNAUTHENTIC[SPORT], 0)


def test_a_signature_field_of_any_json_type_is_invalid(receiver: RunningReceiver) -> None:
    for token in ('"ż"', "null", "{}", "[]", "1e999", '"\\ud800"', '""', "true"):
        body = valid(GAMES)[:-1] + f',"hmac":{token}}}'.encode()
        callback = Callback(route=ROUTE[GAMES], headers={}, body=body)

        assert post(receiver, GAMES, callback) == (UNAUTHENTIC[GAMES], 0)


def test_a_header_of_one_megabyte_is_refused_without_a_stack_trace(
    receiver: RunningReceiver,
) -> None:
    head = f"POST {PATH[SPORT]} HTTP/1.1\r\nhost: x\r\nx-security-hash: ".encode()
    reply = receiver.client.send(head + b"a" * 1_000_000 + b"\r\n\r\n")

    assert reply.status in (0, 400)
    assert b"Traceback" not in reply.body


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
    ],
)
def test_bytes_that_are_no_http_are_refused_without_a_stack_trace(
    receiver: RunningReceiver, raw: bytes
) -> None:
    reply = receiver.client.send(raw, then_close=True)

    assert reply.status in (0, 400, 404)
    assert b"Traceback" not in reply.body
    assert b"GARBAGE" not in reply.body


@BOTH
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_refused_in_the_dialects_format(
    receiver: RunningReceiver, slug: str, method: str
) -> None:
    expected = {GAMES: Reply(405, b'{"error":"Method not allowed"}'), SPORT: MALFORMED[SPORT]}

    assert post(receiver, slug, signed(slug, valid(slug)), method=method) == (expected[slug], 0)


@BOTH
@pytest.mark.parametrize("route", ["", "/", "/nothing", "/bet/", "/../bet", "/%00", "/bet%20"])
def test_an_unknown_route_is_refused_in_the_dialects_format(
    receiver: RunningReceiver, slug: str, route: str
) -> None:
    expected = {GAMES: Reply(404, b'{"error":"Not Found"}'), SPORT: MALFORMED[SPORT]}

    assert receiver.client.request("POST", f"/callbacks/{slug}{route}") == expected[slug]


def test_a_slug_that_starts_with_another_slug_is_answered_in_its_own_dialect(
    receiver: RunningReceiver,
) -> None:
    reply = receiver.client.request("POST", "/callbacks/games-fenced/nothing")

    assert reply == Reply(404, b'{"error":"Not Found"}')
    assert (
        receiver.client.metric('tieout_callbacks_total{provider="games-fenced",route=""') == 1
    )


def test_an_unknown_slug_is_not_found(receiver: RunningReceiver) -> None:
    for path in ("/callbacks/nobody/bet", "/callbacks/", "/", "/callbacks/gamesbet"):
        reply = receiver.client.request("POST", path, body=b"{}")

        assert reply.status == 404
        assert b"Traceback" not in reply.body


@BOTH
def test_a_body_sent_to_another_route_is_malformed(
    receiver: RunningReceiver, slug: str
) -> None:
    other_route = {GAMES: "/bet-end", SPORT: "/transaction-rollback"}[slug]
    callback = signed(slug, valid(slug))
    moved = Callback(route=other_route, headers=callback.headers, body=callback.body)

    assert post(receiver, slug, moved) == (MALFORMED[slug], 1)


def test_a_connection_stays_open_after_refusals(receiver: RunningReceiver) -> None:
    body = json.dumps({"not": "it"}).encode()
    head = f"POST {PATH[GAMES]} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    request = head.encode() + body

    assert receiver.client.send(request * 3) == UNAUTHENTIC[GAMES]
