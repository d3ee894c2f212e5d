"""What a stranger, or a broken provider, can send: always a clean answer, never a trace."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ops.runtime import valkey_server
from providers.contract import Callback
from tests.harness.dialects.aggregator import sign_aggregator
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.providers.speakers import SPEAKERS
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import SECRET, Books, Door, Reply

GAMES, SPORT = "games", "sport"
ROUTE = {GAMES: "/bet", SPORT: "/transaction"}
PATH = {slug: f"/callbacks/{slug}{route}" for slug, route in ROUTE.items()}
DIALECT = {GAMES: "aggregator", SPORT: "sportsbook"}
MALFORMED = {
    GAMES: Reply(400, b'{"error":"Invalid request"}'),
    SPORT: Reply(200, b'{"error":"INVALID_REQUEST"}'),
}
UNPROVEN = {
    GAMES: Reply(401, b'{"error":"invalid signature"}'),
    SPORT: Reply(200, b'{"error":"INVALID_SECURITY_HASH"}'),
}
TOO_LARGE = {GAMES: Reply(413, b'{"error":"Request too large"}'), SPORT: MALFORMED[SPORT]}
NOT_ARRIVED = {
    GAMES: Reply(408, b'{"error":"Request timeout"}'),
    SPORT: Reply(200, b'{"error":"INTERNAL_ERROR"}'),
}
BOTH = pytest.mark.parametrize("slug", [GAMES, SPORT])


class Place:
    """A receiver, and a way to see that a request changed nothing."""

    def __init__(self, door: Door, books: Books) -> None:
        self.door = door
        self.books = books


@pytest.fixture(scope="module")
def place(
    postgres: Any, valkey: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    postgres.execute("CREATE DATABASE of_hostility TEMPLATE template_books")
    books = Books(postgres.url("of_hostility"))
    books.player("LAG1.0632094194", "42")
    at = tmp_path_factory.mktemp("hostile")
    broker = valkey_server.url(valkey, 15)
    try:
        with harness.receivers(at, books.url, broker) as (door, (process,)):
            yield Place(door, books)
            log = process.log()
        assert "Traceback" not in log
        assert "GARBAGE" not in log  # what a stranger sends is written nowhere
        assert '"request_not_http"' in log
        assert all(json.loads(line)["level"] != "error" for line in log.splitlines())
        assert books.wrong() == []
    finally:
        books.close()
        postgres.execute("DROP DATABASE of_hostility WITH (FORCE)")


@pytest.fixture(autouse=True)
def nothing_moves(place: Place) -> Iterator[None]:
    """No test of this file may move money or leave an operation."""
    before = place.books.counts()
    yield
    after = place.books.counts()
    stored, deliveries, malformed = (b - a for a, b in zip(before, after, strict=True))
    assert stored == 0
    assert deliveries == malformed
    assert place.door.ask("GET", "/readyz").status == 200


def signed(slug: str, body: bytes) -> Callback:
    """Any bytes, signed as well as their provider could."""
    sign = sign_aggregator if slug == GAMES else sign_sportsbook
    return sign(ROUTE[slug], body, SECRET)


def valid(slug: str) -> bytes:
    return SPEAKERS[DIALECT[slug]].valid[ROUTE[slug]]


def with_amount(slug: str, token: bytes) -> bytes:
    if slug == GAMES:
        return valid(slug).replace(b'"balance":5', b'"balance":' + token)
    return valid(slug).replace(b'"10.00"', token)


def kept(place: Place, slug: str, came: Callback, **more: str) -> tuple[Reply, int]:
    """The answer, and how many deliveries were kept of it."""
    before = place.books.counts()[1]
    reply = place.door.post(slug, came, **more)
    return reply, place.books.counts()[1] - before


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
def test_garbage_without_a_signature_is_unproven_and_leaves_nothing(
    place: Place, slug: str, name: str
) -> None:
    came = Callback(route=ROUTE[slug], headers={}, body=GARBAGE[name])

    assert kept(place, slug, came) == (UNPROVEN[slug], 0)


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_with_a_good_hash_is_malformed_and_kept_as_evidence(
    place: Place, name: str
) -> None:
    came = signed(SPORT, GARBAGE[name])

    assert kept(place, SPORT, came) == (MALFORMED[SPORT], 1)
    ((body,),) = place.books.rows(
        "SELECT body FROM deliveries ORDER BY delivery_id DESC LIMIT 1"
    )
    assert body == GARBAGE[name]


NUMBERS = [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"1" * 5_000, b"-1", b"0.001", b"true"]


@BOTH
@pytest.mark.parametrize("token", NUMBERS, ids=lambda token: token[:12].decode())
def test_numbers_that_are_no_amount_move_nothing(place: Place, slug: str, token: bytes) -> None:
    reply, deliveries = kept(place, slug, signed(slug, with_amount(slug, token)))

    # Where the signature is in the body, bytes that cannot be read cannot be proven.
    assert (reply, deliveries) in ((MALFORMED[slug], 1), (UNPROVEN[slug], 0))
    if slug == SPORT:
        assert deliveries == 1


@BOTH
def test_a_key_twice_in_one_object_is_refused(place: Place, slug: str) -> None:
    twice = valid(slug)[:-1] + b',"amount":"1.00","amount":"2.00"}'
    reply, deliveries = kept(place, slug, signed(slug, twice))

    assert (reply, deliveries) == {
        GAMES: (UNPROVEN[GAMES], 0),
        SPORT: (MALFORMED[SPORT], 1),
    }[slug]


@BOTH
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data; boundary=x", "image/png", "", "x" * 2000],
)
def test_a_form_type_on_json_or_json_under_any_label_decides_nothing_by_itself(
    place: Place, slug: str, content_type: str
) -> None:
    broken = Callback(
        route=ROUTE[slug], headers={"content-type": content_type}, body=valid(slug)
    )

    assert kept(place, slug, broken) == (UNPROVEN[slug], 0)


@BOTH
def test_a_body_said_to_be_compressed_stays_as_it_was_sent(place: Place, slug: str) -> None:
    came = signed(slug, b'{"is":"not an operation"}')
    squeezed = Callback(
        route=ROUTE[slug], headers={**came.headers}, body=gzip.compress(came.body)
    )

    plain = kept(place, slug, came, content_encoding="gzip")
    packed = kept(place, slug, squeezed, content_encoding="gzip")

    assert plain == (MALFORMED[slug], 1)  # proven over the bytes on the wire
    assert packed == (UNPROVEN[slug], 0)


@BOTH
def test_a_body_longer_than_allowed_is_refused_before_it_is_read(
    place: Place, slug: str
) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n"

    assert place.door.send(head.encode()) == TOO_LARGE[slug]


@BOTH
def test_a_body_in_chunks_is_cut_off_at_the_same_length(place: Place, slug: str) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"3000\r\n" + b"x" * 0x3000 + b"\r\n"

    assert place.door.send(head.encode() + chunk * 8) == TOO_LARGE[slug]


@BOTH
def test_a_body_in_chunks_is_as_good_as_a_body_in_one(place: Place, slug: str) -> None:
    came = signed(slug, b'{"is":"not an operation"}')
    headers = "".join(f"{name}: {value}\r\n" for name, value in came.headers.items())
    head = (
        f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\n{headers}transfer-encoding: chunked\r\n\r\n"
    )
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in came.body) + b"0\r\n\r\n"

    assert place.door.send(head.encode() + chunks) == MALFORMED[slug]


@BOTH
def test_a_body_that_never_comes_is_not_waited_for(place: Place, slug: str) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"

    assert place.door.send(head.encode() + b"a few bytes") == NOT_ARRIVED[slug]


@BOTH
@pytest.mark.parametrize("chunks", [b"zz\r\nxx\r\n", b"5\r\nab\r\n0\r\n\r\n", b"-1\r\n\r\n"])
def test_broken_chunks_are_no_body(place: Place, slug: str, chunks: bytes) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    reply = place.door.send(head.encode() + chunks)

    assert reply == NOT_ARRIVED[slug] or reply.status == 400
    assert b"Traceback" not in reply.body


@BOTH
def test_a_caller_that_hangs_up_half_way_leaves_nothing(place: Place, slug: str) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"
    reply = place.door.send(head.encode() + b"half", then_close=True)

    assert reply in (NOT_ARRIVED[slug], Reply(0, b""))


@pytest.mark.parametrize("value", ["ż" * 64, "\udcff\udcfe", "ab" * 2000, " ", "é"])
def test_signatures_that_are_no_hex_are_wrong_signatures(place: Place, value: str) -> None:
    for name in ("x-security-hash", "x-securty-hash"):
        came = Callback(route=ROUTE[SPORT], headers={name: value}, body=valid(SPORT))

        assert kept(place, SPORT, came) == (UNPROVEN[SPORT], 0)


def test_a_signature_field_of_any_type_is_a_wrong_signature(place: Place) -> None:
    for token in ('"ż"', "null", "{}", "[]", "1e999", '"\\ud800"', '""', "true"):
        body = valid(GAMES)[:-1] + f',"hmac":{token}}}'.encode()
        came = Callback(route=ROUTE[GAMES], headers={}, body=body)

        assert kept(place, GAMES, came) == (UNPROVEN[GAMES], 0)


def test_a_header_of_a_megabyte_is_turned_away_without_a_trace(place: Place) -> None:
    head = f"POST {PATH[SPORT]} HTTP/1.1\r\nhost: x\r\nx-security-hash: ".encode()
    reply = place.door.send(head + b"a" * 1_000_000 + b"\r\n\r\n")

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
def test_bytes_that_are_no_http_are_turned_away_without_a_trace(
    place: Place, raw: bytes
) -> None:
    reply = place.door.send(raw, then_close=True)

    assert reply.status in (0, 400, 404)
    assert b"Traceback" not in reply.body


@BOTH
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_refused_in_the_dialects_words(
    place: Place, slug: str, method: str
) -> None:
    expected = {GAMES: Reply(405, b'{"error":"Method not allowed"}'), SPORT: MALFORMED[SPORT]}

    assert kept(place, slug, signed(slug, valid(slug)), method=method) == (expected[slug], 0)


@BOTH
@pytest.mark.parametrize("route", ["", "/", "/nothing", "/bet/", "/../bet", "/%00", "/bet%20"])
def test_an_unknown_route_is_refused_in_the_dialects_words(
    place: Place, slug: str, route: str
) -> None:
    expected = {GAMES: Reply(404, b'{"error":"Not Found"}'), SPORT: MALFORMED[SPORT]}

    assert place.door.ask("POST", f"/callbacks/{slug}{route}") == expected[slug]


def test_a_slug_that_begins_like_another_is_answered_in_its_own_dialect(place: Place) -> None:
    reply = place.door.ask("POST", "/callbacks/games-fenced/nothing")

    assert reply == Reply(404, b'{"error":"Not Found"}')
    assert place.door.metric('tieout_callbacks_total{provider="games-fenced",route=""') == 1


def test_a_slug_nobody_has_is_not_found(place: Place) -> None:
    for path in ("/callbacks/nobody/bet", "/callbacks/", "/", "/callbacks/gamesbet"):
        reply = place.door.ask("POST", path, body=b"{}")

        assert reply.status == 404
        assert b"Traceback" not in reply.body


@BOTH
def test_a_body_for_one_route_is_no_body_for_another(place: Place, slug: str) -> None:
    elsewhere = {GAMES: "/bet-end", SPORT: "/transaction-rollback"}[slug]
    came = signed(slug, valid(slug))
    moved = Callback(route=elsewhere, headers=came.headers, body=came.body)

    assert kept(place, slug, moved) == (MALFORMED[slug], 1)


def test_one_connection_survives_every_refusal_that_read_its_body(place: Place) -> None:
    body = json.dumps({"not": "it"}).encode()
    head = f"POST {PATH[GAMES]} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    one = head.encode() + body

    assert place.door.send(one * 3) == UNPROVEN[GAMES]
