"""The parser accepts one parsed POST and answers None in any doubt."""

import timeit
from collections.abc import Mapping

import pytest

from webhooks.fast_parser import HEAD_BYTES_MAX, HEADERS_MAX, PlainRequest, parse_plain

LINE = "POST /callbacks/sport/transaction HTTP/1.1"
HEADERS = {"Host": "x", "Content-Type": "application/json", "X-Signature": "ab 12"}
BODY = b'{"a":"\xc5\xbc"}'


def request(fields: Mapping[str, str] | None = None, *, body: bytes = BODY) -> bytes:
    lines = {**HEADERS, "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in (fields or {}).items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{LINE}\r\n{head}\r\n".encode("latin-1") + body


def test_a_plain_callback_is_parsed_completely() -> None:
    assert parse_plain(request()) == PlainRequest(
        line=LINE,
        headers={
            "host": "x",
            "content-type": "application/json",
            "x-signature": "ab 12",
            "content-length": str(len(BODY)),
        },
        body=BODY,
        missing=0,
    )


def test_keep_alive_is_plain() -> None:
    assert parse_plain(request({"connection": "keep-alive"})) is not None


@pytest.mark.parametrize("received", range(len(BODY)))
def test_the_missing_bytes_of_an_incomplete_body_are_counted(received: int) -> None:
    data = request()
    parsed = parse_plain(data[: len(data) - len(BODY) + received])

    assert parsed is not None
    assert (parsed.body, parsed.missing) == (BODY[:received], len(BODY) - received)


@pytest.mark.parametrize("received", range(len(request()) - len(BODY)))
def test_an_incomplete_head_is_none(received: int) -> None:
    assert parse_plain(request()[:received]) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"connection": "close"},
        {"connection": "upgrade", "upgrade": "websocket"},
        {"connection": "keep-alive, te"},
        {"transfer_encoding": "chunked"},
        {"expect": "100-continue"},
        {"proxy-connection": "close"},
        {"proxy-connection": "keep-alive"},
        {"sec-websocket-key1": "x"},
        {"upgrade": "h2c"},
        {"trailer": "x"},
        {"te": "trailers"},
        {"x_name": "ż".encode().decode("latin-1")},
        {"x_name": ""},
        {"x_name": " two blanks before"},
        {"x_name": "a blank after "},
        {"x_name": "a\ttab"},
        {"x_name": "a\0nul"},
        {"x_name": "a\rreturn"},
        {"x_name": "a\nline"},
        {"x_name": "folded\r\n over lines"},
        {"x_name": "x\r\nno colon"},
        {"x_name": "x\r\n: no name"},
        {"x_name": "x\r\na blank in the name: x"},
        {"x_name": "x\r\nX-Signature : a blank after the name"},
        {"x_name": "x\r\nx-signature: twice"},
        {"x_name": "x\r\nHOST: twice"},
        {"x_name": "x" * HEAD_BYTES_MAX},
        {f"x_{number}": "x" for number in range(HEADERS_MAX)},
    ],
    ids=lambda fields: ",".join(f"{k}={v}" for k, v in fields.items())[:40].encode().hex(),
)
def test_a_request_that_needs_interpretation_is_none(fields: dict[str, str]) -> None:
    assert parse_plain(request(fields)) is None


@pytest.mark.parametrize(
    "line", ["a" * 7_000, "x: " + "a: " * 2_300 + "\t"], ids=["name", "pairs"]
)
def test_a_line_that_is_no_header_takes_no_longer_to_parse_than_many_that_are(
    line: str,
) -> None:
    def seconds(data: bytes) -> float:
        return min(timeit.repeat(lambda: parse_plain(data), number=5, repeat=3))

    plain = "x-some-header: 1\r\n" * 410

    took = seconds(f"{LINE}\r\n{line}\r\n\r\n".encode())

    assert took < 5 * seconds(f"{LINE}\r\n{plain}\r\n".encode())


@pytest.mark.parametrize(
    "length", ["", "+9", "-1", "0x9", "9_0", "9, 9", "9.0", "²", "1" * 9, "0", "8"]
)
def test_a_content_length_that_is_invalid_or_too_small_is_none(length: str) -> None:
    data = request().replace(b"Length: %d" % len(BODY), b"Length: " + length.encode("latin-1"))

    assert parse_plain(data) is None


@pytest.mark.parametrize("name", ["Host", "Content-Length"])
def test_a_request_without_host_or_content_length_is_none(name: str) -> None:
    lines = [line for line in request().split(b"\r\n") if not line.startswith(name.encode())]

    assert parse_plain(b"\r\n".join(lines)) is None


def test_two_pipelined_requests_are_none() -> None:
    assert parse_plain(request() * 2) is None
